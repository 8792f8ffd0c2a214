import { describe, expect, it } from "vitest";
import { yamlPlaces } from "./yamlPlaces";

const TEXT = `# deploys
steps:
  - id: build
    type: command
    command: make {{inputs.target}}
  - {id: ask, type: approval}
  -
    id: check
    config:
      condition: "{{step_build.exit_code}} === 0"
  - id: fork
    branches:
      - - id: inner
      - steps:
          - id: other
`;

const find = yamlPlaces(TEXT, { nestedIn: "config" });
const lineOf = (part: string) => TEXT.split("\n").findIndex((line) => line.includes(part)) + 1;

describe("a pointer leads to a line", () => {
  it.each([
    ["", lineOf("steps:")],
    ["/steps/0/command", lineOf("command: make")],
    ["/steps/1/type", lineOf("id: ask")],
    ["/steps/2/condition", lineOf("condition:")],
    ["/steps/2/config/condition", lineOf("condition:")],
    ["/steps/3/branches/1/steps/0/id", lineOf("id: other")],
  ])("%s", (pointer, line) => {
    expect(find(pointer).line).toBe(line);
  });
});

it("a field that is missing is looked for in what it is missing in", () => {
  expect(find("/steps/0/timeout_seconds")).toEqual({ line: lineOf("id: build"), column: 5 });
  expect(find("/steps/9")).toEqual({ line: lineOf("id: build"), column: 3 });
});

it("bytes inside a text are counted from where the text begins", () => {
  expect(find("/steps/0/command", 7)).toEqual({ line: 5, column: 21 });
  const quoted = find("/steps/2/condition", 2);
  expect(TEXT.split("\n")[quoted.line - 1]?.slice(quoted.column - 1)).toBe('step_build.exit_code}} === 0"');
});

it("escaped names and texts that are no YAML do no harm", () => {
  expect(yamlPlaces('a/b:\n  "c~d": 1\n')("/a~1b/c~0d")).toEqual({ line: 2, column: 10 });
  expect(yamlPlaces("steps: [\n  {id: x")("/steps/0/id").line).toBe(2);
  expect(yamlPlaces("")("/steps/0")).toEqual({ line: 1, column: 1 });
});
