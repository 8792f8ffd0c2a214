import { describe, expect, it } from "vitest";
import type { InstanceState, StepRun, WorkflowStep } from "~/api/types";
import { flowOf, graphOf } from "../graph/model";
import { progressOf, retriedFrom, takenRoutes } from "./progress";

const step = (id: string, more: object = {}) =>
  ({ id, type: "command", command: "true", ...more }) as WorkflowStep;

let last = 0;
const run = (name: string, cause: StepRun["cause"], more: Partial<StepRun> = {}): StepRun => {
  last += 1;
  return {
    run: last,
    step: name,
    cause,
    attempt: 1,
    began_at: "2026-11-29T12:00:00Z",
    outcome: "succeeded",
    ...more,
  };
};
const fresh = () => {
  last = 0;
};

const TYPES = new Map([
  ["a", "command"],
  ["ask", "approval"],
  ["rest", "delay"],
]);

describe("how a step is doing", () => {
  it("is told by its newest run", () => {
    fresh();
    const runs = [
      run("a", "start", { outcome: "failed" }),
      run("a", { failure: { of: 1 } }, { outcome: null }),
      run("ask", "start", { outcome: null, approval_id: 4 as StepRun["approval_id"] }),
      run("rest", "start", { outcome: null }),
    ];
    const progress = progressOf(runs, TYPES);
    expect(progress.get("a")).toMatchObject({ state: "running", runs: 2, run: { run: 2 } });
    expect(progress.get("ask")?.state).toBe("waiting");
    expect(progress.get("rest")?.state).toBe("waiting");
    expect(progress.get("never")).toBeUndefined();
  });

  it("is to wait where all of its hosts do", () => {
    fresh();
    const runs = [run("a", "start", { outcome: null, waits: "b: The agent is not connected" })];
    expect(progressOf(runs, TYPES).get("a")?.state).toBe("waiting");
  });
});

describe("the routes it took", () => {
  const taken = (steps: WorkflowStep[], runs: StepRun[], state: InstanceState) =>
    [...takenRoutes(graphOf(flowOf(steps)), { runs, state })].sort();

  it("go from the start along the causes to the end", () => {
    fresh();
    const runs = [run("a", "start"), run("b", { success: { of: 1 } })];
    expect(taken([step("a"), step("b")], runs, "completed")).toEqual([
      "start>start",
      "step:a>success",
      "step:b>success",
    ]);
  });

  it("end where it is", () => {
    fresh();
    const runs = [run("a", "start"), run("b", { success: { of: 1 } }, { outcome: null })];
    expect(taken([step("a"), step("b")], runs, "running")).toEqual(["start>start", "step:a>success"]);
  });

  it("go back in a loop, and along failures", () => {
    fresh();
    const steps = [
      step("a", { on_failure: "mend" }),
      step("b", { on_success: "completed" }),
      step("mend", { on_success: "a" }),
    ];
    const runs = [
      run("a", "start", { outcome: "failed" }),
      run("mend", { failure: { of: 1 } }),
      run("a", { success: { of: 2 } }, { outcome: null }),
    ];
    expect(taken(steps, runs, "running")).toEqual(["start>start", "step:a>failure", "step:mend>success"]);
  });

  it("of a condition that ends the workflow is known by its end", () => {
    fresh();
    const check = step("check", {
      type: "conditional",
      condition: "true",
      on_true: "completed",
      on_false: "failed",
    });
    const runs = [run("check", "start")];
    expect(taken([check], runs, "failed")).toEqual(["start>start", "step:check>false"]);
    expect(taken([check], runs, "completed")).toEqual(["start>start", "step:check>true"]);
  });

  it("lead from what a retry kept into the step where it goes on", () => {
    fresh();
    const check = step("check", {
      type: "conditional",
      condition: "true",
      on_true: "risky",
      on_false: "completed",
    });
    const runs = [run("check", "start"), run("risky", "retry")];
    expect(taken([check, step("risky")], runs, "completed")).toEqual([
      "start>start",
      "step:check>true",
      "step:risky>success",
    ]);
    fresh();
    expect(taken([step("risky")], [run("risky", "retry")], "completed")).toEqual([
      "start>start",
      "step:risky>success",
    ]);
  });

  it("leave a parallel step when its branches have joined", () => {
    fresh();
    const fork = step("fork", {
      type: "parallel",
      branches: [{ steps: [step("one")] }, { steps: [step("two")] }],
    });
    const runs = [
      run("fork", "start"),
      run("one", { branch: { of: 1 } }),
      run("two", { branch: { of: 1 } }),
      run("join", { success: { of: 1 } }, { outcome: null }),
    ];
    expect(taken([fork, step("join")], runs, "running")).toEqual(["start>start", "step:fork>success"]);
  });
});

describe("a retry", () => {
  it("begins at the last step that failed, and keeps what succeeded before", () => {
    fresh();
    const runs = [
      run("a", "start", { outcome: "failed" }),
      run("mend", { failure: { of: 1 } }),
      run("a", { success: { of: 2 } }),
      run("b", { success: { of: 3 } }, { outcome: "failed" }),
    ];
    expect(retriedFrom(runs)).toEqual({ step: "b", kept: ["mend", "a"] });
  });

  it("does a parallel step again as a whole", () => {
    fresh();
    const runs = [
      run("a", "start"),
      run("fork", { success: { of: 1 } }, { outcome: "failed" }),
      run("one", { branch: { of: 2 } }),
      run("two", { success: { of: 3 } }, { outcome: "failed" }),
    ];
    expect(retriedFrom(runs)).toEqual({ step: "fork", kept: ["a"] });
  });

  it("begins where it was cancelled when nothing failed, and nowhere when nothing was", () => {
    fresh();
    expect(
      retriedFrom([run("a", "start"), run("b", { success: { of: 1 } }, { outcome: "cancelled" })]),
    ).toEqual({
      step: "b",
      kept: ["a"],
    });
    expect(retriedFrom([run("c", "start")])).toBeUndefined();
  });
});
