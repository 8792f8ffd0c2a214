import { describe, expect, it } from "vitest";
import { graphOf } from "../graph/model";
import { parse } from "../graph/parse";
import { STEP_TYPE } from "../words";
import { shownFields, unshown } from "./forms";
import { nearest } from "./keys";
import { fieldProblem, marksOf, otherProblems, ownProblem } from "./marks";
import { idOfNew, newStep, TYPES } from "./templates";

const error = (pointer: string, message: string) => ({ severity: "error" as const, pointer, message });

describe("problems", () => {
  const parsed = parse(
    "steps:\n  - id: both\n    type: parallel\n    branches:\n      - - {id: one, type: delay}\n  - {id: two, type: conditional}\n",
  );
  const graph = graphOf("readable" in parsed ? parsed.readable.root : { pointer: "/steps", steps: [] });
  const marks = marksOf(graph, [
    error("/steps/0/branches/0/steps/0/seconds", "is missing"),
    error("/steps/0/branches", "are too few"),
    error("/steps/1", "is never reached"),
    error("/steps/1/config/condition", "ends too soon"),
    error("/inputs/0", "has no name"),
  ]);

  it("belong to the innermost step", () => {
    expect([...marks.keys()]).toEqual(["step:one", "step:both", "step:two"]);
    expect(marks.get("step:one")).toEqual([error("/seconds", "is missing")]);
  });

  it("are said at their field, or of the step", () => {
    const two = marks.get("step:two") ?? [];
    expect(fieldProblem(two, "condition")).toBe("ends too soon");
    expect(fieldProblem(two, "on_true")).toBeUndefined();
    expect(otherProblems(two, shownFields("conditional"))).toEqual([error("", "is never reached")]);
  });
});

describe("what is said twice", () => {
  const none = "has no steps: give at least one";
  const marks = [error("/branches/0", none), error("/branches/1", none), error("/branches", "are too many")];
  it("is shown once, and of each branch by itself", () => {
    expect(fieldProblem(marks, "branches")).toBe(`${none}; are too many`);
    expect(fieldProblem(marks, "branches/1")).toBe(none);
    expect(fieldProblem(marks, "branches/2")).toBeUndefined();
    expect(ownProblem(marks, "branches")).toBe("are too many");
  });
});

describe("the form", () => {
  it("names what it has no input for", () => {
    expect(
      unshown("delay", { id: "a", type: "delay", seconds: 1, days: 2, position: { x: 0, y: 0 } }),
    ).toEqual(["days"]);
    expect(unshown(undefined, { id: "a", type: "dance", to: "music" })).toEqual(["to"]);
  });

  it.each(TYPES)("has inputs for all that a new step of type %s says", (type) => {
    expect(unshown(type, newStep(type, idOfNew(type)))).toEqual([]);
    expect(STEP_TYPE[type].label).toBeTruthy();
  });
});

describe("how long a step may take, and how often it is tried", () => {
  it.each(["script", "command", "http_request", "action", "workflow"] as const)(
    "has inputs of a step of type %s",
    (type) => {
      expect(shownFields(type)).toEqual(expect.arrayContaining(["timeout_seconds", "retries"]));
    },
  );

  it("has an input for the time of all branches", () => {
    expect(shownFields("parallel")).toContain("timeout_seconds");
  });
});

describe("arrow keys", () => {
  const others = new Map([
    ["below", { x: 10, y: 100 }],
    ["far below", { x: 0, y: 400 }],
    ["beside", { x: 300, y: 5 }],
    ["above", { x: 0, y: -80 }],
  ]);
  it.each([
    ["down", "below"],
    ["up", "above"],
    ["right", "beside"],
    ["left", undefined],
  ] as const)("%s leads to the nearest", (direction, key) => {
    expect(nearest({ x: 0, y: 0 }, direction, others)).toBe(key);
  });
});
