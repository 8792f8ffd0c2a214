/**
 * Scripts as files, as `postern script apply` reads them: code with a header of comments, or with a YAML file of the same
 * name beside it. The code is taken character by character.
 *
 *     # ---
 *     # name: rotate-logs
 *     # parameters:
 *     #   - {name: days, type: integer, default: 7}
 *     # ---
 *     find /var/log …
 */
import type { Language, ScriptDefinition, ScriptKind } from "~/api/types";
import { LineProblem, type ReadHeader, readHeader } from "./header";
import { FENCE, firstLine } from "./write";

export interface TextFile {
  name: string;
  text: string;
}

/** What a file says of a script. */
export interface FileScript {
  kind: ScriptKind;
  name: string;
  description: string;
  language: Language;
  definition: ScriptDefinition;
  /** Where it says so: lines of the file with the header, by the server's names of the fields. */
  lines: Record<string, number>;
  /** The file with the header. */
  headerFile: string;
}

const CLOSED = `the lines of a header begin with #, and behind them stands ${FENCE}`;

/** A file that cannot be read as a script. */
export class FileProblem extends Error {
  readonly file: string;
  readonly line: number | undefined;

  constructor(file: string, message: string, line?: number) {
    super(message);
    this.name = "FileProblem";
    this.file = file;
    this.line = line;
  }
}

/** `beside` is the YAML file of the same name; a header in the code wins over it. */
export function readScript(file: TextFile, beside?: TextFile): FileScript {
  const parts = split(file);
  if (parts) {
    return script(file.name, parts.content, { ...parts, file: file.name });
  }
  return script(file.name, file.text, {
    header: beside?.text ?? "",
    above: 0,
    file: beside?.name ?? file.name,
  });
}

interface Source {
  header: string;
  /** Lines above it in its file. */
  above: number;
  file: string;
}

function script(name: string, content: string, source: Source): FileScript {
  const { header, lines } = read(source);
  const { stem, ending } = partsOf(name);
  const language = header.language ?? guessLanguage(ending, content);
  if (!language) {
    throw new FileProblem(name, "its language cannot be told: write language: bash into its header");
  }
  const { name: called = stem, kind = "script", description = "", language: _, ...definition } = header;
  return {
    kind,
    name: called,
    description,
    language,
    definition: { content, ...definition },
    lines: Object.fromEntries(Object.entries(lines).map(([field, line]) => [field, line + source.above])),
    headerFile: source.file,
  };
}

function read({ header, above, file }: Source): ReadHeader {
  try {
    return readHeader(header);
  } catch (problem) {
    if (problem instanceof LineProblem) {
      throw new FileProblem(file, `its header: ${problem.message}`, problem.line + above);
    }
    throw problem;
  }
}

/**
 * Header and code, where there is a header. A first line that names an interpreter stays with the code. What breaks a header off
 * is a mistake: taking the text for code would lose what it says.
 */
export function split({ name, text }: TextFile): (Omit<Source, "file"> & { content: string }) | undefined {
  const first = firstLine(text);
  const interpreter = first.startsWith("#!") ? first : "";
  let rest = text.slice(interpreter.length);
  const next = () => {
    const line = firstLine(rest);
    rest = rest.slice(line.length);
    return line;
  };
  if (next().trimEnd() !== FENCE) {
    return undefined;
  }
  const above = interpreter === "" ? 1 : 2;
  let header = "";
  for (let number = above + 1; ; number += 1) {
    const line = next();
    if (line.trimEnd() === FENCE) {
      return { header, above, content: interpreter + rest };
    }
    if (line === "") {
      throw new FileProblem(name, `the header that begins here has no end: ${CLOSED}`, above);
    }
    if (!line.startsWith("#")) {
      throw new FileProblem(name, `the header above is not closed before this line: ${CLOSED}`, number);
    }
    header += line.slice(line.startsWith("# ") ? 2 : 1);
  }
}

export function partsOf(name: string): { stem: string; ending: string } {
  const at = name.lastIndexOf(".");
  return at > 0 ? { stem: name.slice(0, at), ending: name.slice(at + 1) } : { stem: name, ending: "" };
}

const BY_ENDING: Record<string, Language> = { sh: "bash", bash: "bash", py: "python", ps1: "powershell" };
const BY_PROGRAM: Record<string, Language> = {
  sh: "bash",
  bash: "bash",
  dash: "bash",
  pwsh: "powershell",
  powershell: "powershell",
};

/** By the ending of the file, else by the first word behind `#!` that names an interpreter. */
function guessLanguage(ending: string, content: string): Language | undefined {
  const first = firstLine(content);
  const words = first.startsWith("#!") ? first.slice(2).trim().split(/\s+/) : [];
  const programs = words.map((word) => word.split("/").at(-1) ?? "");
  return (
    BY_ENDING[ending.toLowerCase()] ??
    programs
      .map((program) => (program.startsWith("python") ? "python" : BY_PROGRAM[program]))
      .find((language) => language !== undefined)
  );
}
