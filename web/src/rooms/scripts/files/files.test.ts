import { describe, expect, it } from "vitest";
import { ApiProblem } from "~/api/problem";
import type { Parameter, ScriptDefinition, ScriptDetail } from "~/api/types";
import { FileProblem, type FileScript, readScript, split } from "./format";
import { outcomeOf, readFiles, refusal, settingsText } from "./plan";
import { writeScript } from "./write";

// The examples of crates/postern/src/commands/scripts/file.rs: both read the same.
const TEXT =
  '#!/bin/bash\n# ---\n# name: rotate-logs\n# description: "Old: logs"\n# parameters:\n#   - {name: days, type: integer, default: 7}\n#   - {name: token, type: secret, required: true}\n# libraries: [{library: log, version: 2}]\n# run_as_user: www-data\n# ---\necho "$PARAM_DAYS"\n\n# ---\necho end\n';

const standard = (value: unknown) => value as Parameter["default"];

const detailOf = (script: Omit<FileScript, "lines" | "headerFile">): ScriptDetail => ({
  id: 1,
  version: 3,
  created_at: "2026-11-22T09:30:00Z",
  created_by: "a",
  updated_at: "2026-11-22T09:30:00Z",
  updated_by: "a",
  sha256: "",
  used_by: [],
  ...script,
});

/** Without what only says where it was written. */
function said({ lines: _, headerFile: __, ...script }: FileScript) {
  return script;
}

const writtenAndRead = (script: FileScript) =>
  said(readScript({ name: "y.txt", text: writeScript(detailOf(said(script))) }));

function scriptOf(description: string, text: string, content: string): FileScript {
  return {
    kind: "script",
    name: "a",
    description,
    language: "bash",
    definition: {
      content,
      timeout_seconds: 7,
      parameters: [
        {
          name: "p",
          type: "string",
          ...(description === "" ? {} : { description }),
          default: standard(text),
        },
      ],
      libraries: [{ library: "l" }],
    },
    lines: {},
    headerFile: "",
  };
}

function problemOf(read: () => unknown): FileProblem {
  try {
    read();
  } catch (problem) {
    if (problem instanceof FileProblem) {
      return problem;
    }
    throw problem;
  }
  throw new Error("it was read");
}

describe("a script as a file", () => {
  it("says all of a script and survives being written", () => {
    const script = readScript({ name: "other.sh", text: TEXT });
    expect(said(script)).toEqual({
      kind: "script",
      name: "rotate-logs",
      description: "Old: logs",
      language: "bash",
      definition: {
        content: '#!/bin/bash\necho "$PARAM_DAYS"\n\n# ---\necho end\n',
        parameters: [
          { name: "days", type: "integer", default: 7 },
          { name: "token", type: "secret", required: true },
        ],
        libraries: [{ library: "log", version: 2 }],
        run_as_user: "www-data",
      },
    });
    expect(writtenAndRead(script)).toEqual(said(script));
  });

  it.each([
    "echo no end",
    "echo a\r\necho b\r\n",
    "#!/bin/sh\r\necho a\r\n",
    "#!/bin/sh",
    "#!/bin/sh\n",
    "",
    "\n\n  \n",
    "a\rb",
    "# ---\n# name: other\n# ---\n",
    "#!/bin/sh\n# ---\n# name: other\n# ---\necho\n",
  ])("code keeps its lines as they end: %j", (content) => {
    const script = scriptOf("", "", content);
    expect(writtenAndRead(script)).toEqual(said(script));
  });

  it.each([
    "yes",
    "null",
    "~",
    "0x1f",
    "1e3",
    "# ---",
    "---",
    "a: b",
    "two\nlines\r\n",
    "'\"\\",
    "{",
    "&a",
    "\u0085\u2028\ufeffü",
    " a ",
  ])("a text stays what it is: %j", (text) => {
    const script = scriptOf(text, text, "true");
    expect(writtenAndRead(script)).toEqual(said(script));
  });

  it("says everything that a definition can say", () => {
    const definition: Required<ScriptDefinition> = {
      content: "echo\n",
      parameters: [
        { name: "n", type: "number", default: standard(-1.5), minimum: -2, maximum: 9.5, description: "N" },
        { name: "b", type: "boolean", default: standard(false), required: true },
        { name: "c", type: "choice", choices: ["yes", "1"], default: standard("1") },
      ],
      libraries: [{ library: "7" }, { library: "net", version: 2 }],
      timeout_seconds: 60,
      run_as_user: "1001",
      requires_elevation: true,
      concurrency: { key: "on", per: "group" },
    };
    const script: FileScript = { ...scriptOf("x", "", ""), kind: "library", language: "python", definition };
    expect(writtenAndRead(script)).toEqual(said(script));
  });

  it("may have been written on another system", () => {
    const script = readScript({ name: "x.sh", text: TEXT.replaceAll("\n", "\r\n") });
    expect(script.name).toBe("rotate-logs");
    expect(script.definition.content).toBe('#!/bin/bash\r\necho "$PARAM_DAYS"\r\n\r\n# ---\r\necho end\r\n');
  });

  it("without a header is named after itself, or after the YAML beside it", () => {
    const code = { name: "disk.py", text: "print(1)\n" };
    expect(said(readScript(code))).toMatchObject({ name: "disk", language: "python" });
    const beside = { name: "disk.yaml", text: "name: disk-usage\ntimeout_seconds: 60\n" };
    const script = readScript(code, beside);
    expect(script.name).toBe("disk-usage");
    expect(script.definition).toEqual({ content: "print(1)\n", timeout_seconds: 60 });
    expect(readScript({ ...code, text: "# ---\n# name: own\n# ---\n" }, beside).name).toBe("own");
  });

  it.each([
    ["a", "#!/usr/bin/env -S python3 -u\n", "python"],
    ["a", "#!/bin/bash -e", "bash"],
    ["a.PS1", "echo", "powershell"],
  ])("the language is told from %s with %j", (name, text, language) => {
    expect(readScript({ name, text }).language).toBe(language);
  });

  it.each([
    ["# ---\n# name: a\necho\n", 3, "not closed before this line"],
    ["# ---\n# name: a\n\n# ---\necho\n", 3, "not closed before this line"],
    ["# ---\n# name: a\n", 1, "has no end"],
    ["#!/bin/sh\n# ---\n# name: a", 2, "has no end"],
  ])("a header that is broken off is no code: %j", (text, line, what) => {
    const problem = problemOf(() => split({ name: "a.sh", text }));
    expect([problem.file, problem.line]).toEqual(["a.sh", line]);
    expect(problem.message).toContain(what);
  });

  it.each([
    ["naem: x", 2, "naem is no field here"],
    ["name: a\nname: b", 3, "unique"],
    ["name: [", 2, "end with a ]"],
    ["name: a\nparameters: 7", 3, "parameters must be a list"],
    ["kind: macro", 2, "kind must be one of script, library"],
    ["parameters:\n  - name: a\n    type: string\n  - {name: b}", 5, "parameters[1] has no type"],
    [
      "parameters:\n  - {name: b,\n     type: integer, minimum: low}",
      4,
      "parameters[0].minimum must be a number",
    ],
    ["libraries: [log]", 2, "libraries[0] must be fields with values"],
    ["\ntimeout_seconds: 1.5", 3, "timeout_seconds must be a whole number"],
    ["requires_elevation: perhaps", 2, "requires_elevation must be true or false"],
    ["concurrency: {key: a, per: everywhere}", 2, "concurrency.per must be one of host"],
    ["description:", 2, "description must be a text"],
  ])("what a header cannot say is refused with its line: %j", (header, line, message) => {
    const lines = header.split("\n").map((one) => `# ${one}\n`);
    const problem = problemOf(() =>
      readScript({ name: "a.sh", text: `# ---\n${lines.join("")}# ---\ntrue` }),
    );
    expect(problem.file).toBe("a.sh");
    expect(problem.message).toMatch(/^its header: /);
    expect(problem.message).toContain(message);
    expect(problem.line).toBe(line);
    const beside = problemOf(() =>
      readScript({ name: "a.sh", text: "true" }, { name: "a.yaml", text: header }),
    );
    expect([beside.file, beside.line]).toEqual(["a.yaml", line - 1]);
  });

  it("words that look like something else are what they are to be", () => {
    const header = "# ---\n# description: yes\n# requires_elevation: on\n# run_as_user: 0\n# ---\n";
    const parameters =
      "# parameters: [{name: 1, type: boolean, default: no}, {name: b, type: string, default: 'no'}]\n";
    const { description, definition } = readScript({
      name: "a.sh",
      text: header.replace("# run", `${parameters}# run`),
    });
    expect(description).toBe("yes");
    expect(definition).toEqual({
      content: "",
      requires_elevation: true,
      run_as_user: "0",
      parameters: [
        { name: "1", type: "boolean", default: false },
        { name: "b", type: "string", default: "no" },
      ],
    });
  });
});

const file = (name: string, text: string) => ({ name, bytes: new TextEncoder().encode(text).buffer });

describe("files that were chosen", () => {
  const problems = (...chosen: Parameters<typeof readFiles>[0]) =>
    readFiles(chosen).flatMap((one) =>
      "problems" in one ? one.problems.map(({ message }) => `${one.file} ${message}`) : [],
    );

  it("belong together by their names", () => {
    const found = readFiles([file("a.yaml", "name: b"), file("a.sh", "true"), file("c.py", "")]);
    expect(found.map((one) => "script" in one && one.script.name)).toEqual(["b", "c"]);
  });

  it("are refused one by one, and say why", () => {
    expect(problems(file("a.yaml", "name: b"))[0]).toMatch(
      /^a.yaml is for the code of its name: choose a.sh/,
    );
    expect(problems({ name: "a.sh", bytes: new Uint8Array([0xff]).buffer })).toEqual([
      "a.sh is not UTF-8 text",
    ]);
    expect(problems(file("a.sh", "x".repeat(2 * 1024 * 1024 + 1)))[0]).toMatch(/^a.sh is larger than 2/);
    expect(problems(file("a.txt", "echo"))[0]).toContain("its language cannot be told");
    expect(problems(file("a.sh", "true"), file("b.sh", "# ---\n# name: a\n# ---\n"))).toEqual([
      "b.sh is the script a, as a.sh is: choose one of them",
    ]);
  });

  it("keep a mark at their start", () => {
    const [found] = readFiles([file("a.sh", "\ufefftrue")]);
    expect(found && "script" in found && found.script.definition.content).toBe("\ufefftrue");
  });
});

describe("what an import would do", () => {
  const script = scriptOf("d", "", "true");
  const saved = detailOf(said(script));

  it("is found by comparing what both say", () => {
    expect(outcomeOf(script, undefined)).toEqual({ what: "create" });
    const same: ScriptDetail = {
      ...saved,
      definition: {
        ...saved.definition,
        libraries: [{ version: null, library: "l" }],
        requires_elevation: false,
      },
    };
    expect(outcomeOf(script, same).what).toBe("same");
    expect(outcomeOf({ ...script, description: "e" }, saved).what).toBe("describe");
    const other = { ...script, definition: { ...script.definition, timeout_seconds: 8 } };
    expect(outcomeOf(other, saved)).toEqual({ what: "version", saved });
    expect(settingsText(other.definition)).toContain('"timeout_seconds": 8');
  });

  it.each([
    ["a default of nothing but an empty text", [{ name: "p", type: "string" }]],
    ["a number instead of a text", [{ name: "p", type: "string", default: standard(7) }]],
  ] satisfies [string, Parameter[]][])("%s is another version", (_, parameters) => {
    const plain = { ...script, definition: { ...script.definition, parameters } };
    const text = {
      ...saved.definition,
      parameters: [{ name: "p", type: "string" as const, default: standard("7") }],
    };
    expect(outcomeOf(plain, saved).what).toBe("version");
    expect(outcomeOf(plain, { ...saved, definition: text }).what).toBe("version");
  });

  it("the server's refusal stands at the line that it is about", () => {
    const read = readScript({ name: "x.sh", text: TEXT });
    const refused = (...errors: { field: string; message: string }[]) =>
      refusal(
        "x.sh",
        read,
        new ApiProblem({
          type: "x",
          title: "x",
          status: 422,
          code: "invalid_request",
          detail: "Nothing was saved.",
          errors,
        }),
      ).map(({ line, message }) => [line, message]);
    expect(
      refused(
        { field: "definition.parameters.token", message: "is wrong" },
        { field: "definition.libraries[0]", message: "is not there" },
        { field: "definition.parameters", message: "are too many" },
        { field: "organization_id", message: "is not there" },
      ),
    ).toEqual([
      [7, "definition.parameters.token is wrong"],
      [8, "definition.libraries[0] is not there"],
      [5, "definition.parameters are too many"],
      [undefined, "organization_id is not there"],
    ]);
    expect(refused()).toEqual([[undefined, "Nothing was saved."]]);
  });
});
