import { describe, expect, it } from "vitest";
import { copied, cut, pasted } from "./clipboard";
import {
  addBranch,
  allSteps,
  freeId,
  idProblem,
  insertOnRoute,
  insertStep,
  isWritten,
  outermost,
  removeBranch,
  removeSteps,
  renameBranch,
  renameStep,
  reread,
  setField,
  setFields,
  setOfWorkflow,
  setRoute,
} from "./edits";
import { fieldsOf, parse } from "./parse";
import { renamedIn } from "./references";

const TEXT = `# Rolls out.
inputs:
  - {name: most, type: integer}
steps:
  # Looks at the load.
  - id: look
    type: command
    command: 'uptime'   # short
  - id: low
    type: conditional
    config:
      condition: "{{step_look.exit_code}} == 0 && step_look.stdout != 'step_look.x'"
      on_true: continue
      on_false: tell
  - id: both
    type: parallel
    branches:
      - - {id: greet, type: command, command: 'echo {{step_look.stdout}}'}
        - {id: wait, type: delay, seconds: 1}
      - name: right
        steps:
          - id: other
            type: delay
            seconds: 3
  - id: tell
    type: command
    argv: [echo, "{{ step_greet.stdout }} {{step_look-2.stdout}}"]
    on_success: look
    on_failure: cancelled
`;

const readable = reread(TEXT);
const step = (id: string, of = readable) => {
  const found = allSteps(of).find((one) => one.id === id);
  if (!found) {
    throw new Error(`no step ${id}`);
  }
  return found;
};
/** The text with one part of it in the place of another. */
const with_ = (from: string, to: string) => {
  expect(TEXT.split(from)).toHaveLength(2);
  return TEXT.replace(from, () => to);
};

describe("a text that is read", () => {
  it("gives the steps of branches in both forms, with the pointers of the server", () => {
    expect(allSteps(readable).map(({ pointer }) => pointer)).toEqual([
      "/steps/0",
      "/steps/1",
      "/steps/2",
      "/steps/2/branches/0/steps/0",
      "/steps/2/branches/0/steps/1",
      "/steps/2/branches/1/steps/0",
      "/steps/3",
    ]);
    expect(readable.paths.get("/steps/2/branches/0/steps/1")).toEqual(["steps", 2, "branches", 0, 1]);
    expect(fieldsOf(readable, step("low"))["on_false"]).toBe("tell");
  });

  it.each<[string, string, number]>([
    ["steps:\n  - id: [", "no YAML", 2],
    ["steps: {a: 1}", "“steps” is no list of steps", 1],
    ["name: x\nsteps:\n  - id: a\n  - just a text\n", "A step has no fields", 4],
    ["steps:\n  - id: a\n    type: parallel\n    branches: 3\n", "“branches” is no list", 4],
    ["- id: a\n", "no definition", 1],
    ["a: 1\na: 2\n", "no YAML", 2],
  ])("says what is no definition: %j", (text, message, line) => {
    const parsed = parse(text);
    expect("unreadable" in parsed && parsed.unreadable.message).toContain(message);
    expect("unreadable" in parsed && parsed.unreadable.line).toBe(line);
  });

  it("may be half written", () => {
    const { root } = reread("steps:\n  - id: 5\n  - type: approval\n    approvers: x\n    title: {a: 1}\n");
    expect(root.steps.map(({ id, step: { type } }) => [id, type])).toEqual([
      ["5", ""],
      ["", "approval"],
    ]);
    expect(reread("").root.steps).toEqual([]);
    expect(reread("name: x\n").root.steps).toEqual([]);
  });
});

describe("a field", () => {
  it("is set where it stands, or where its neighbours do", () => {
    expect(setField(readable, step("look"), "command", "date")).toBe(with_("'uptime'", "'date'"));
    expect(setField(readable, step("low"), "condition", "1 == 1")).toContain("      condition: 1 == 1\n");
    expect(setField(readable, step("low"), "on_failure", "tell")).toBe(
      with_("      on_false: tell\n", "      on_false: tell\n    on_failure: tell\n"),
    );
    expect(setField(readable, step("low"), "weight", 1)).toContain("on_false: tell\n      weight: 1\n");
    expect(setField(readable, step("look"), "name", "Look")).toContain("- id: look\n    name: Look\n");
  });

  it("that was empty needs no quotes any more", () => {
    const empty = reread('steps:\n  - id: a\n    command: ""\n');
    expect(setField(empty, step("a", empty), "command", "echo 1")).toBe(
      "steps:\n  - id: a\n    command: echo 1\n",
    );
  });

  it("is taken out", () => {
    expect(setField(readable, step("tell"), "on_failure", undefined)).toBe(
      with_("    on_failure: cancelled\n", ""),
    );
    expect(setField(readable, step("tell"), "name", undefined)).toBe(TEXT);
  });

  it("is exchanged for another", () => {
    expect(setFields(readable, step("look"), { command: undefined, argv: ["uptime"] })).toBe(
      with_("    command: 'uptime'   # short\n", "    argv:\n      - uptime\n"),
    );
  });

  it("of the workflow goes when it is emptied", () => {
    expect(setOfWorkflow(readable, "inputs", [])).toBe(
      with_("inputs:\n  - {name: most, type: integer}\n", ""),
    );
    expect(setOfWorkflow(readable, "hosts", { all: true })).toContain(
      "type: integer}\nhosts:\n  all: true\nsteps:",
    );
    const bare = reread("# First.\nsteps:\n  - {id: a, type: delay}\n");
    expect(setOfWorkflow(bare, "hosts", { all: true })).toBe(
      "# First.\nhosts:\n  all: true\nsteps:\n  - {id: a, type: delay}\n",
    );
  });
});

describe("a route", () => {
  it("is written only where it does not follow from the list", () => {
    expect(setRoute(readable, step("look"), "success", { step: "both" })).toContain(
      "    command: 'uptime'   # short\n    on_success: both\n",
    );
    expect(setRoute(readable, step("look"), "success", { step: "low" })).toBe(TEXT);
    expect(setRoute(readable, step("tell"), "success", { end: "completed" })).toBe(
      with_("    on_success: look\n", ""),
    );
    expect(setRoute(readable, step("look"), "failure", { end: "failed" })).toContain("on_failure: failed");
    expect(setRoute(readable, step("look"), "failure", "continue")).toContain("on_failure: continue");
  });

  it("is reset, and that of a condition goes on", () => {
    expect(setRoute(readable, step("tell"), "failure", undefined)).toBe(
      with_("    on_failure: cancelled\n", ""),
    );
    expect(setRoute(readable, step("low"), "false", undefined)).toBe(
      with_("on_false: tell", "on_false: continue"),
    );
    expect(isWritten(readable, step("low"), "false")).toBe(true);
    expect(isWritten(readable, step("low"), "true")).toBe(false);
    expect(isWritten(readable, step("look"), "failure")).toBe(false);
  });
});

describe("a step that is put in", () => {
  const fields = { id: "new", type: "delay", seconds: 1 };

  it("stands in its place, and changes no other", () => {
    expect(insertStep(readable, "/steps", 1, { value: fields })).toBe(
      with_("  # short\n", "  # short\n  - id: new\n    type: delay\n    seconds: 1\n"),
    );
    expect(insertStep(readable, "/steps/2/branches/0/steps", 2, { value: fields })).toContain(
      "seconds: 1}\n        - id: new\n          type: delay\n",
    );
  });

  it("on a route stands between its ends", () => {
    const after = reread(insertOnRoute(readable, step("tell"), "success", fields));
    expect(fieldsOf(after, step("tell", after))["on_success"]).toBeUndefined();
    expect(fieldsOf(after, step("new", after))["on_success"]).toBe("look");
    const plain = insertOnRoute(readable, step("look"), "success", fields);
    expect(plain).toBe(insertStep(readable, "/steps", 1, { value: fields }));
  });

  it("on one of two routes leaves the other where it led", () => {
    const after = reread(insertOnRoute(readable, step("low"), "false", fields));
    expect(fieldsOf(after, step("low", after))).toMatchObject({ on_true: "both", on_false: "continue" });
    expect(fieldsOf(after, step("new", after))["on_success"]).toBe("tell");
  });

  it("on a failure leaves the success where it led", () => {
    const after = reread(insertOnRoute(readable, step("tell"), "failure", fields));
    expect(fieldsOf(after, step("tell", after))).toMatchObject({
      on_success: "look",
      on_failure: "continue",
    });
    expect(fieldsOf(after, step("new", after))["on_success"]).toBe("cancelled");
    const first = reread(insertOnRoute(readable, step("look"), "failure", fields));
    expect(fieldsOf(first, step("look", first))).toMatchObject({ on_success: "low", on_failure: "continue" });
    expect(fieldsOf(first, step("new", first))["on_success"]).toBe("failed");
  });
});

describe("steps that are taken out", () => {
  it("take routes to them along", () => {
    const { source, routes } = removeSteps(readable, [step("tell")]);
    expect(routes).toBe(1);
    expect(source).toBe(
      TEXT.slice(0, TEXT.indexOf("  - id: tell")).replace("on_false: tell", "on_false: continue"),
    );
    expect(removeSteps(readable, [step("look")]).source).toBe(
      TEXT.slice(0, TEXT.indexOf("  # Looks")) +
        TEXT.slice(TEXT.indexOf("  - id: low")).replace("    on_success: look\n", ""),
    );
  });

  it("may be many, those inside of others included", () => {
    const gone = [step("tell"), step("greet"), step("both"), step("look")];
    expect(outermost(gone).map(({ id }) => id)).toEqual(["look", "both", "tell"]);
    expect(allSteps(reread(removeSteps(readable, gone).source)).map(({ id }) => id)).toEqual(["low"]);
    expect(removeSteps(readable, allSteps(readable)).source).toContain("steps: []");
  });
});

describe("a step that is called something else", () => {
  it("is called so in routes, placeholders and conditions, and nothing else is touched", () => {
    const { source, places } = renameStep(readable, step("look"), "see");
    expect(places).toBe(3);
    expect(source).toBe(
      TEXT.replace("id: look\n", "id: see\n")
        .replace(
          "{{step_look.exit_code}} == 0 && step_look.stdout",
          "{{step_see.exit_code}} == 0 && step_see.stdout",
        )
        .replace("echo {{step_look.stdout}}", "echo {{step_see.stdout}}")
        .replace("on_success: look", "on_success: see"),
    );
  });

  it.each<[string, string | undefined, string]>([
    ["step_a.x", undefined, "step_a.x"],
    [
      "{{step_a.x}} {{variables.step_a.y}} {{step_ab.x}} {{x.step_a.y}}",
      "command",
      "{{step_z.x}} {{variables.step_z.y}} {{step_ab.x}} {{x.step_a.y}}",
    ],
    [
      "step_a.x == \"step_a.x\" || 'it\\'s step_a' != step_a['x']",
      "condition",
      "step_z.x == \"step_a.x\" || 'it\\'s step_a' != step_z['x']",
    ],
    ["a", "on_true", "z"],
    ["a", "title", "a"],
  ])("%s as %s", (text, key, after) => {
    expect(renamedIn(text, key, { from: "a", to: "z" })).toBe(after);
  });

  it("has a name that can be one", () => {
    expect(idProblem(readable, step("look"), "look")).toBeUndefined();
    expect(idProblem(readable, step("look"), "greet")).toContain("another step");
    expect(idProblem(readable, step("look"), "completed")).toContain("route");
    expect(idProblem(readable, step("look"), "1x")).toContain("Letters");
    expect(freeId(["command", "command_2"], "command")).toBe("command_3");
    expect(freeId(["command_2"], "command_2")).toBe("command_3");
    expect(freeId([], "delay")).toBe("delay");
  });
});

describe("branches", () => {
  const both = step("both");

  it("are added, named and taken out", () => {
    const three = reread(addBranch(readable, both));
    expect(step("both", three).branches.map(({ name }) => name)).toEqual(["Branch 1", "right", "Branch 3"]);
    expect(renameBranch(readable, both, 1, "rechts")).toBe(with_("- name: right", "- name: rechts"));
    const named = reread(renameBranch(readable, both, 0, "left"));
    expect(step("both", named).branches[0]?.list.steps.map(({ id }) => id)).toEqual(["greet", "wait"]);
    expect(removeBranch(readable, both, 1).source).toBe(
      TEXT.slice(0, TEXT.indexOf("      - name: right")) + TEXT.slice(TEXT.indexOf("  - id: tell")),
    );
  });

  it("of a step that has none yet", () => {
    const text = "steps:\n  - id: p\n    type: parallel\n";
    const after = addBranch(reread(text), step("p", reread(text)));
    expect(step("p", reread(after)).branches).toHaveLength(1);
    const first = insertStep(reread(after), "/steps/0/branches/0/steps", 0, {
      value: { id: "x", type: "delay" },
    });
    expect(allSteps(reread(first)).map(({ id }) => id)).toEqual(["p", "x"]);
  });
});

describe("copies", () => {
  it("are a list of YAML, with the comments", () => {
    expect(copied(readable, [step("look")])).toBe(
      "# Looks at the load.\n- id: look\n  type: command\n  command: 'uptime'   # short\n",
    );
    expect(copied(readable, [step("other"), step("greet")])).toBe(
      "- {id: greet, type: command, command: 'echo {{step_look.stdout}}'}\n- id: other\n  type: delay\n  seconds: 3\n",
    );
  });

  it("get ids that are free, and speak of themselves", () => {
    const text = copied(readable, [step("look"), step("low")]);
    const after = pasted(readable, text, "/steps", 4);
    if ("refused" in after) {
      throw new Error(after.refused);
    }
    expect(after).toMatchObject({ ids: ["look_2", "low_2"], renamed: 2 });
    expect(after.source.startsWith(TEXT)).toBe(true);
    expect(after.source.slice(TEXT.length)).toBe(
      text
        .replaceAll(/^(?=.)/gm, "  ")
        .replace("id: look", "id: look_2")
        .replace("id: low", "id: low_2")
        .replace(
          "{{step_look.exit_code}} == 0 && step_look.stdout",
          "{{step_look_2.exit_code}} == 0 && step_look_2.stdout",
        ),
    );
  });

  it("lose routes to what is not there", () => {
    const other = reread("steps:\n  - {id: a, type: delay, seconds: 1}\n");
    const after = pasted(other, copied(readable, [step("tell")]), "/steps", 1);
    expect("source" in after && after.source).toBe(
      `steps:\n  - {id: a, type: delay, seconds: 1}\n  - id: tell\n    type: command\n    argv: [echo, "{{ step_greet.stdout }} {{step_look-2.stdout}}"]\n    on_failure: cancelled\n`,
    );
  });

  it.each([
    ["- {id: x, type: delay}\n"],
    ["id: x\ntype: delay\n"],
    ["name: other\nsteps:\n- id: x\n  type: delay\n"],
    ['{"steps": [{"id": "x", "type": "delay"}]}'],
    ['[{"id": "x", "type": "delay"}]'],
    ["  - id: x\n    type: delay\n"],
  ])("may come from elsewhere: %j", (text) => {
    expect(pasted(readable, text, "/steps/2/branches/1/steps", 1)).toMatchObject({ ids: ["x"], renamed: 0 });
  });

  it.each(["", "hello", "- a\n- b\n", "- id: x\n", "steps: [", "name: x\n"])(
    "that are no steps are refused: %j",
    (text) => {
      expect(pasted(readable, text, "/steps", 0)).toHaveProperty("refused");
    },
  );

  it("are cut out", () => {
    const { text, source } = cut(readable, [step("wait")]);
    expect(text).toBe("- {id: wait, type: delay, seconds: 1}\n");
    expect(source).toBe(with_("        - {id: wait, type: delay, seconds: 1}\n", ""));
  });

  it("can be put where they were", () => {
    for (const one of allSteps(readable)) {
      const { text, source } = cut(readable, [one]);
      const back = pasted(reread(source), text, one.list, one.index);
      expect("ids" in back && back.ids).toEqual([one.id]);
    }
  });
});
