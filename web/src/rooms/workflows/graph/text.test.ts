import { describe, expect, it } from "vitest";
import { insertIn, readText, removeIn, setIn } from "./text";
import { type Path, withIn, withInserted, withoutIn } from "./values";

const TEXT = `# Rolls out.
name:   rollout   # of the web team


inputs:
  - {name: greeting, type: string,   default: hello}
  - { name: most, type: integer }
hosts: {selector: env=dev}
steps:
  # Looks at the load.
  - id: look   # first
    type: command
    command: |
      echo 1

        echo "2"
    retries: {count: 2, delay_seconds: 1}

  # Asks somebody.
  # Twice.
  - id: "ask"
    type: 'approval'
    config:
      title: >
        Deploy it,
        or not?
      approvers: ["role:admin", 'user:5']
      approval_type: one_of_many

  - {id: rest, type: delay, seconds: 1}   # short
  - id: both
    type: parallel
    branches:
      - - {id: greet, type: command, command: 'echo "hi"'}
        - id: more
          type: delay
          seconds: 2
      - name: right
        steps:
        - id: other
          type: delay
          # a while
          seconds: 3
# The end.
`;

/** Lines of one that are not in the other, both ways. */
function difference(before: string, after: string): { gone: string[]; come: string[] } {
  const one = before.split("\n");
  const other = after.split("\n");
  let head = 0;
  while (head < one.length && one[head] === other[head]) {
    head += 1;
  }
  let tail = 0;
  while (tail < Math.min(one.length, other.length) - head && one.at(-1 - tail) === other.at(-1 - tail)) {
    tail += 1;
  }
  return { gone: one.slice(head, one.length - tail), come: other.slice(head, other.length - tail) };
}

const js = (text: string): unknown => readText(text).toJS();

function set(path: Path, value: unknown, order?: string[]): { gone: string[]; come: string[] } {
  const after = setIn(TEXT, path, value, order);
  expect(js(after)).toEqual(withIn(js(TEXT), path, value));
  return difference(TEXT, after);
}

describe("a field that is set changes nothing but its value", () => {
  it.each<[string, Path, unknown, string[], string[]]>([
    [
      "plain",
      ["name"],
      "roll out",
      ["name:   rollout   # of the web team"],
      ["name:   roll out   # of the web team"],
    ],
    ["quoted", ["steps", 1, "id"], "say", ['  - id: "ask"'], ['  - id: "say"']],
    ["single", ["steps", 1, "type"], "command", ["    type: 'approval'"], ["    type: 'command'"]],
    [
      "in braces",
      ["inputs", 0, "default"],
      "a, b",
      ["  - {name: greeting, type: string,   default: hello}"],
      ['  - {name: greeting, type: string,   default: "a, b"}'],
    ],
    [
      "a number",
      ["steps", 0, "retries", "count"],
      3,
      ["    retries: {count: 2, delay_seconds: 1}"],
      ["    retries: {count: 3, delay_seconds: 1}"],
    ],
    [
      "in quotes in braces",
      ["steps", 3, "branches", 0, 0, "command"],
      "echo 'x'",
      [`      - - {id: greet, type: command, command: 'echo "hi"'}`],
      [`      - - {id: greet, type: command, command: 'echo ''x'''}`],
    ],
    [
      "what looks like yes",
      ["name"],
      "yes",
      ["name:   rollout   # of the web team"],
      ['name:   "yes"   # of the web team'],
    ],
  ])("%s", (_, path, value, gone, come) => {
    expect(set(path, value)).toEqual({ gone, come });
  });

  it("in a block keeps the block", () => {
    expect(set(["steps", 0, "command"], 'echo 1\n\n  echo "3"\n')).toEqual({
      gone: ['        echo "2"'],
      come: ['        echo "3"'],
    });
    expect(set(["steps", 0, "command"], "true")).toEqual({
      gone: ["    command: |", "      echo 1", "", '        echo "2"'],
      come: ["    command: |-", "      true"],
    });
  });

  it("on more lines than before makes a block", () => {
    expect(set(["steps", 3, "branches", 1, "steps", 0, "type"], "a\nb")).toEqual({
      gone: ["          type: delay"],
      come: ["          type: |-", "            a", "            b"],
    });
  });

  it("that is not there yet stands behind those that come before it", () => {
    expect(set(["steps", 0, "name"], "Look", ["id", "type", "name"])).toEqual({
      gone: [],
      come: ["    name: Look"],
    });
    const after = setIn(TEXT, ["steps", 0, "name"], "Look", ["id", "type", "name"]);
    expect(after).toContain("    type: command\n    name: Look\n    command: |");
    expect(set(["steps", 2, "name"], "x", ["id", "name"])).toEqual({
      gone: ["  - {id: rest, type: delay, seconds: 1}   # short"],
      come: ["  - {id: rest, name: x, type: delay, seconds: 1}   # short"],
    });
    expect(set(["steps", 0, "environment"], { A: "1", B: "x" }).come).toEqual([
      "    environment:",
      '      A: "1"',
      "      B: x",
    ]);
  });

  it("whose holder is not there yet brings it along", () => {
    expect(set(["steps", 2, "retries", "count"], 4).come).toEqual([
      "  - {id: rest, type: delay, seconds: 1, retries: {count: 4}}   # short",
    ]);
    expect(set(["steps", 0, "hosts", "agents"], ["a"]).come).toEqual([
      "    hosts:",
      "      agents:",
      "        - a",
    ]);
  });

  it("to a list or a record writes only what differs", () => {
    expect(set(["steps", 1, "config", "approvers"], ["role:admin", "user:7", "user:5"])).toEqual({
      gone: [`      approvers: ["role:admin", 'user:5']`],
      come: [`      approvers: ["role:admin", user:7, 'user:5']`],
    });
    expect(set(["inputs"], [{ name: "most", type: "integer" }])).toEqual({
      gone: ["  - {name: greeting, type: string,   default: hello}"],
      come: [],
    });
    expect(set(["steps", 0, "retries"], { count: 2, factor: 3 }).come).toEqual([
      "    retries: {count: 2, factor: 3}",
    ]);
  });

  it("to what it is already changes nothing", () => {
    expect(setIn(TEXT, ["hosts"], { selector: "env=dev" })).toBe(TEXT);
  });
});

describe("what is taken out", () => {
  function remove(path: Path) {
    const after = removeIn(TEXT, path);
    expect(js(after)).toEqual(withoutIn(js(TEXT), path));
    return difference(TEXT, after);
  }

  it("takes its lines along, and nothing else", () => {
    expect(remove(["steps", 0, "retries"])).toEqual({
      gone: ["    retries: {count: 2, delay_seconds: 1}"],
      come: [],
    });
    expect(remove(["steps", 0, "command"]).gone).toEqual([
      "    command: |",
      "      echo 1",
      "",
      '        echo "2"',
    ]);
    expect(remove(["steps", 2, "type"])).toEqual({
      gone: ["  - {id: rest, type: delay, seconds: 1}   # short"],
      come: ["  - {id: rest, seconds: 1}   # short"],
    });
    expect(remove(["steps", 0, "id"])).toEqual({
      gone: ["  - id: look   # first", "    type: command"],
      come: ["  - type: command"],
    });
  });

  it("of a list takes the comments above it along", () => {
    const { gone } = remove(["steps", 1]);
    expect(gone.slice(0, 3)).toEqual(["  # Asks somebody.", "  # Twice.", '  - id: "ask"']);
    expect(gone).toHaveLength(10);
    expect(remove(["steps", 2])).toEqual({
      gone: ["  - {id: rest, type: delay, seconds: 1}   # short"],
      come: [],
    });
  });

  it("may stand behind another dash", () => {
    expect(remove(["steps", 3, "branches", 0, 0])).toEqual({
      gone: [`      - - {id: greet, type: command, command: 'echo "hi"'}`, "        - id: more"],
      come: ["      - - id: more"],
    });
    expect(remove(["steps", 3, "branches", 0, 1]).gone).toHaveLength(3);
  });

  it("leaves an empty list or record behind when it was the last", () => {
    expect(remove(["hosts", "selector"]).come).toEqual(["hosts: {}"]);
    expect(remove(["steps", 3, "branches", 1, "steps", 0])).toEqual({
      gone: [
        "        steps:",
        "        - id: other",
        "          type: delay",
        "          # a while",
        "          seconds: 3",
      ],
      come: ["        steps: []"],
    });
  });
});

describe("what is put into a list", () => {
  const step = { id: "new", type: "command", command: "a\nb" };
  function insert(path: Path, index: number) {
    const after = insertIn(TEXT, path, index, { value: step });
    expect(js(after)).toEqual(withInserted(js(TEXT), path, index, step));
    return difference(TEXT, after);
  }

  it("stands behind what comes before it, in front of the comments of what follows", () => {
    expect(insert(["steps"], 1)).toEqual({
      gone: [],
      come: ["  - id: new", "    type: command", "    command: |-", "      a", "      b"],
    });
    expect(insertIn(TEXT, ["steps"], 1, { value: step })).toContain("delay_seconds: 1}\n  - id: new");
    expect(insert(["steps"], 4).gone).toEqual([]);
    expect(insert(["steps"], 0).gone).toEqual([]);
  });

  it("may stand behind another dash", () => {
    expect(insert(["steps", 3, "branches", 0], 0).come[0]).toBe("      - - id: new");
    expect(insert(["steps", 3, "branches", 0], 2).come[0]).toBe("        - id: new");
    expect(insert(["steps", 3, "branches", 1, "steps"], 1).come[0]).toBe("        - id: new");
  });

  it("is written in braces among braces", () => {
    const text = "steps: [{id: a, type: delay}, {id: b, type: delay}]\n";
    expect(insertIn(text, ["steps"], 1, { value: { id: "c", x: "a, b" } })).toBe(
      'steps: [{id: a, type: delay}, {id: c, x: "a, b"}, {id: b, type: delay}]\n',
    );
  });

  it("makes the list that is not there", () => {
    expect(insertIn("steps: []\n", ["steps"], 0, { value: { id: "a" } })).toBe("steps:\n  - id: a\n");
    expect(insertIn("steps:\n", ["steps"], 0, { value: { id: "a" } })).toBe("steps:\n  - id: a\n");
    expect(insertIn("name: x\n", ["steps"], 0, { value: { id: "a" } })).toBe("name: x\nsteps:\n  - id: a\n");
    expect(js(insertIn("", ["steps"], 0, { value: { id: "a" } }))).toEqual({ steps: [{ id: "a" }] });
  });

  it("keeps the lines it is given, with their comments", () => {
    const lines = "id: new   # here\ntype: delay\n# so long\nseconds: 5\n";
    expect(insertIn(TEXT, ["steps"], 1, { lines })).toContain(
      "\n  - id: new   # here\n    type: delay\n    # so long\n    seconds: 5\n",
    );
  });
});

describe("other layouts", () => {
  it("JSON stays JSON", () => {
    const text = JSON.stringify({ steps: [{ id: "a", type: "delay", seconds: 1 }] }, null, 2);
    const more = setIn(text, ["steps", 0, "name"], "A");
    expect(JSON.parse(more)).toEqual({ steps: [{ id: "a", type: "delay", seconds: 1, name: "A" }] });
    expect(more).toContain('\n      "seconds": 1,\n      "name": "A"\n');
    const two = insertIn(text, ["steps"], 1, { value: { id: "b" } });
    expect(JSON.parse(two).steps).toHaveLength(2);
    expect(JSON.parse(removeIn(text, ["steps", 0]))).toEqual({ steps: [] });
    expect(JSON.parse(setIn(text, ["steps", 0, "seconds"], "a\nb")).steps[0].seconds).toBe("a\nb");
  });

  it("line breaks of another kind stay", () => {
    const text = "steps:\r\n  - id: a\r\n    type: delay\r\n  - id: b\r\n";
    expect(setIn(text, ["steps", 0, "seconds"], 1)).toBe(
      "steps:\r\n  - id: a\r\n    type: delay\r\n    seconds: 1\r\n  - id: b\r\n",
    );
    expect(removeIn(text, ["steps", 0])).toBe("steps:\r\n  - id: b\r\n");
  });

  it("what has anchors is written anew, and means what was asked for", () => {
    const text = "steps:\n  - &a {id: a, type: delay} # one\n  - *a\n";
    const after = setIn(text, ["steps", 0, "seconds"], 1);
    expect(after).toContain("# one");
    expect(js(after)).toEqual({ steps: Array(2).fill({ id: "a", type: "delay", seconds: 1 }) });
  });

  it("a text without a line break at its end is none the worse", () => {
    expect(setIn("steps:\n  - id: a", ["steps", 0, "type"], "delay")).toBe(
      "steps:\n  - id: a\n    type: delay",
    );
    expect(removeIn("steps:\n  - id: a\n  - id: b", ["steps", 1])).toBe("steps:\n  - id: a");
  });
});
