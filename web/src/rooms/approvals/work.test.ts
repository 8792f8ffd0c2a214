import { describe, expect, it } from "vitest";
import type { ApprovedWork } from "~/api/types";
import {
  askedAgain,
  extentWords,
  innerPayload,
  placeholder,
  SHOWN_FIRST,
  shownSteps,
  versionWords,
} from "./work";

const step = (name: string, more: Partial<ApprovedWork> = {}): ApprovedWork => ({
  step: name,
  type: "command",
  summary: name,
  ...more,
});

const steps = (many: number) => Array.from({ length: many }, (_, index) => step(`s${index}`));

describe("a long list is opened on demand, and says how long it is", () => {
  it.each([
    [SHOWN_FIRST, false, SHOWN_FIRST, 0],
    [SHOWN_FIRST + 1, false, SHOWN_FIRST, 1],
    [199, false, SHOWN_FIRST, 199 - SHOWN_FIRST],
    [199, true, 199, 0],
  ])("%i steps, all of them: %s", (many, all, shown, more) => {
    const found = shownSteps(steps(many), all);
    expect([found.steps.length, found.more]).toEqual([shown, more]);
  });
});

it("the versions that run are named", () => {
  expect(versionWords(step("a"))).toEqual([]);
  const both = step("a", { script: { id: 4, version: 2 }, action: { id: 7, version: 1 } });
  expect(versionWords(both)).toEqual(["Action 7, version 1", "Script 4, version 2"]);
  expect(versionWords(step("a", { workflow: { id: 3, version: 9 } }))).toEqual(["Workflow 3, version 9"]);
});

it("how much of it is certain", () => {
  expect(extentWords(steps(1))).toBe("1 step");
  const work = [
    step("a"),
    step("b", { only_if: ["fork holds: 1 == 1"] }),
    step("c", { only_if: ["b fails"], open: ["step_b.stdout"] }),
  ];
  expect(extentWords(work)).toBe(
    "3 steps, 2 only in some cases, 1 with values that are known only when they run",
  );
});

it("where people are asked again", () => {
  const work = [step("a"), step("call/ask", { type: "approval" }), step("second", { type: "approval" })];
  expect(askedAgain(work)).toEqual(["call/ask", "second"]);
});

it("an open value stands as it is written", () => {
  expect(placeholder("step_look.stdout")).toBe("{{step_look.stdout}}");
});

it("the type of a job is not said twice", () => {
  expect(innerPayload({ type: "command", payload: { argv: ["a"] } })).toEqual({ argv: ["a"] });
  expect(innerPayload({ workflow: "child", version: 1 })).toEqual({ workflow: "child", version: 1 });
});
