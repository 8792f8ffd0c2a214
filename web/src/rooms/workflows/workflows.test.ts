import { describe, expect, it } from "vitest";
import type { Parameter, WorkflowStep } from "~/api/types";
import { placed } from "./placed";
import { foundWords, isError, pointerOf, unreadable, withDoubts, withoutStep } from "./problems";
import { cancelReason, workflowReasons } from "./rules";
import { inputField, startCommand, startCurl, startRequest } from "./run";
import { draftSource, FIRST_LINES } from "./source";
import { placeIn, routesOf, stepFacts, stepSummary } from "./steps";
import { causeWords, draftState } from "./words";

const allowed = () => undefined;
const refused = (permission: string) => `Needs the permission ${permission}`;

const command = (id: string, more: Partial<WorkflowStep> = {}) =>
  ({ type: "command", id, command: "true", ...more }) as WorkflowStep;

describe("where a step leads", () => {
  const steps: WorkflowStep[] = [
    command("one"),
    { type: "conditional", id: "two", condition: "1 == 1", on_true: "continue", on_false: "one" },
    command("three", { on_success: "cancelled", on_failure: "two" }),
    command("last"),
  ];

  it("is the next one of the list unless it says something else", () => {
    expect(routesOf(steps, 0)).toEqual([
      { when: "success", to: { step: "two" } },
      { when: "failure", to: { end: "failed" } },
    ]);
    expect(routesOf(steps, 2)).toEqual([
      { when: "success", to: { end: "cancelled" } },
      { when: "failure", to: { step: "two" } },
    ]);
  });

  it("is the end behind the last one", () => {
    expect(routesOf(steps, 3)[0]).toEqual({ when: "success", to: { end: "completed" } });
    expect(routesOf(steps, 9)).toEqual([]);
  });

  it("is decided by a condition, which can fail", () => {
    expect(routesOf(steps, 1)).toEqual([
      { when: "true", to: { step: "three" } },
      { when: "false", to: { step: "one" } },
      { when: "failure", to: { end: "failed" } },
    ]);
  });
});

describe("a delay", () => {
  it("fails at nothing, unless somebody wrote what then", () => {
    const delay: WorkflowStep = { type: "delay", id: "rest", seconds: 1 };
    expect(routesOf([delay], 0).map(({ when }) => when)).toEqual(["success"]);
    const written: WorkflowStep = { ...delay, on_failure: "failed" };
    expect(routesOf([written], 0).map(({ when }) => when)).toEqual(["success", "failure"]);
  });
});

describe("a refused field", () => {
  const steps: WorkflowStep[] = [
    command("one"),
    {
      type: "parallel",
      id: "both",
      branches: [{ steps: [command("left")] }, { steps: [command("a"), command("right")] }],
    },
  ];
  it.each([
    ["draft.steps[0].hosts", { step: "one", field: "hosts" }],
    ["draft.steps[0].retries.count", { step: "one", field: "retries.count" }],
    ["draft.steps[1]", { step: "both", field: "" }],
    ["draft.steps[1].branches[0]", { step: "both", field: "branches[0]" }],
    ["draft.steps[1].branches[1].steps[1].approvers[2]", { step: "right", field: "approvers[2]" }],
    ["draft.steps[7].hosts", undefined],
    ["draft.hosts", undefined],
  ])("%s is said of its step", (field, place) => {
    expect(placeIn(steps, pointerOf(field))).toEqual(place);
  });
});

it("a refusal at its step does not name it again", () => {
  expect(withoutStep('step "ask": names nobody')).toBe("names nobody");
  expect(withoutStep('names no step "ask": choose one')).toBe('names no step "ask": choose one');
});

describe("what a step does in one line", () => {
  it.each<[WorkflowStep, string]>([
    [command("a", { command: null, argv: ["echo", "x y"] }), "echo x y"],
    [{ type: "script", id: "a", script: "backup", version: 3 }, "backup, version 3"],
    [{ type: "action", id: "a", action_id: 7 }, "number 7"],
    [{ type: "script", id: "a" }, "not chosen yet"],
    [{ type: "workflow", id: "a", workflow: "" }, "not chosen yet"],
    [{ type: "delay", id: "a", hours: 1, minutes: 5 }, "1 h 5 min"],
    [{ type: "delay", id: "a", seconds: 1 }, "1 s"],
    [
      {
        type: "approval",
        id: "a",
        title: "Go?",
        approval_type: "one_of_many",
        approvers: ["role:approver"],
        timeout_minutes: 5,
      },
      "Go? (one of those who are asked: role:approver)",
    ],
  ])("%j", (step, text) => {
    expect(stepSummary(step)).toBe(text);
  });

  it("with how it runs where it says so", () => {
    expect(
      stepFacts(
        command("a", {
          timeout_seconds: 60,
          retries: { count: 2, delay_seconds: 1, factor: 2 },
          continue_on: { percent: 50 },
          run_as_user: "www",
        }),
      ),
    ).toEqual(["each job up to 1 min", "up to 2 retries", "enough when 50 % of the hosts succeed", "as www"]);
    const other: WorkflowStep = { type: "workflow", id: "a", workflow: "b", timeout_seconds: 60 };
    expect(stepFacts(other)).toEqual(["each try up to 1 min"]);
    const branches: WorkflowStep = { type: "parallel", id: "a", branches: [], timeout_seconds: 60 };
    expect(stepFacts(branches)).toEqual(["all branches up to 1 min"]);
  });
});

describe("problems of a text", () => {
  const source = "steps:\n  - id: a\n    type: command\n    comand: x\n  - id: b\n    type: delay\n";

  it("stand at their lines, in the order of the text", () => {
    const { problems } = placed(source, [
      { severity: "warning", pointer: "/steps/1", message: "is never reached" },
      { severity: "error", pointer: "/steps/0/comand", message: "there is no such field" },
    ]);
    expect(problems.map(({ line, severity }) => [line, severity])).toEqual([
      [4, "error"],
      [5, "warning"],
    ]);
    expect(foundWords(problems)).toBe("1 error, 1 warning");
  });

  it("have those beside them that saving found in the same text, each once", () => {
    const checked = placed(source, [
      { severity: "warning", pointer: "/steps/1", message: "is never reached" },
    ]);
    const doubts = placed(source, [
      { severity: "warning", pointer: "/steps/0", message: "names nobody" },
      { severity: "warning", pointer: "/steps/1", message: "is never reached" },
    ]);
    expect(withDoubts(checked, doubts)?.problems.map(({ pointer }) => pointer)).toEqual([
      "/steps/0",
      "/steps/1",
    ]);
    expect(withDoubts({ ...checked, source: "other" }, doubts)?.problems).toHaveLength(1);
    expect(withDoubts(undefined, doubts)).toBeUndefined();
  });

  it("of one that is no YAML stand where its reader stopped", () => {
    const { problems } = unreadable("x", [
      { field: "source", message: "is no YAML: did not find what it wanted at line 3, column 7" },
    ]);
    expect(problems[0]).toMatchObject({ line: 3, column: 7, severity: "error", pointer: "" });
    expect(problems.every(isError)).toBe(true);
  });
});

describe("what can be done", () => {
  it("needs the permission first", () => {
    const workflow = { version: 1, draft_differs: true };
    expect(workflowReasons(workflow, refused).run).toContain("workflows.manage");
    expect(cancelReason({ state: "running" }, refused)).toContain("workflows.manage");
  });

  it("is run when it is published, and published when it says something new", () => {
    expect(workflowReasons({ version: null, draft_differs: true }, allowed)).toEqual({
      run: "It is not published: publish its draft first, or try the draft",
      tryDraft: undefined,
      edit: undefined,
      publish: undefined,
    });
    const same = workflowReasons({ version: 2, draft_differs: false }, allowed);
    expect(same.publish).toBe("The draft says what version 2 says");
    expect(same.run).toBeUndefined();
    expect(draftState({ version: 2, draft_differs: false }).label).toBe("Published");
  });

  it("is cancelled until it has ended", () => {
    expect(cancelReason({ state: "paused" }, allowed)).toBeUndefined();
    expect(cancelReason({ state: "failed" }, allowed)).toBe("It is failed already");
  });
});

describe("a start", () => {
  const inputs: Parameter[] = [
    { name: "target", type: "string" },
    { name: "count", type: "integer" },
    { name: "token", type: "secret" },
  ];
  const texts = { target: "it's $(me)", count: "3", token: "hidden-value" };

  it("has its secrets apart, and only what was said", () => {
    expect(startRequest({ inputs, texts, draft: false, hosts: undefined })).toEqual({
      inputs: { target: "it's $(me)", count: "3" },
      secrets: { token: "hidden-value" },
    });
    expect(startRequest({ inputs: [], texts: {}, draft: true, hosts: { all: true } })).toEqual({
      draft: true,
      hosts: { all: true },
    });
  });

  it("is the same as a command, without the secret's value", () => {
    const request = startRequest({ inputs, texts, draft: true, hosts: { agents: ["web-1"] } });
    expect(startCommand("deploy", request)).toBe(
      "postern workflow run deploy '--input=target=it'\\''s $(me)' --input=count=3 --agent=web-1 --draft --secret=token",
    );
    const curl = startCurl("https://postern.example", 7, request);
    expect(curl).toContain("/api/v1/workflows/7/instances");
    expect(curl).not.toContain("hidden-value");
  });

  it("shows each problem at the input it belongs to", () => {
    expect(inputField("inputs.count")).toBe("parameters.count");
    expect(inputField("secrets.token")).toBe("parameters.token");
    expect(inputField("targets.agents")).toBe("targets.agents");
  });
});

it("the text is what somebody wrote, or made from what it says", () => {
  const draft = { steps: [command("a")] };
  expect(draftSource({ draft, draft_source: FIRST_LINES })).toBe(FIRST_LINES);
  expect(draftSource({ draft })).toBe('steps:\n  - type: command\n    id: a\n    command: "true"\n');
});

it("causes are said in words", () => {
  expect(causeWords("start")).toBe("the start");
  expect(causeWords({ failure: { of: 3 } })).toBe("run 3 failed");
  expect(causeWords({ false: { of: 4 } })).toBe("run 4 came to false");
});
