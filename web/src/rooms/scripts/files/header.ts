/**
 * Reads the YAML of a script's header by what each field is to be, as `postern script apply` does: a text stays what was
 * written, whatever it looks like. What does not fit is told with its line.
 */
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument, Scalar } from "yaml";
import type { Concurrency, Language, LibraryLink, Parameter, ParameterType, ScriptKind } from "~/api/types";

/** What a header says besides the code. */
export interface Header {
  name?: string | undefined;
  kind?: ScriptKind | undefined;
  description?: string | undefined;
  language?: Language | undefined;
  parameters?: Parameter[] | undefined;
  libraries?: LibraryLink[] | undefined;
  timeout_seconds?: number | undefined;
  run_as_user?: string | undefined;
  requires_elevation?: boolean | undefined;
  concurrency?: Concurrency | undefined;
}

export interface ReadHeader {
  header: Header;
  /** Lines of the text, from 1, by what the server calls the field: `definition.parameters.days`. */
  lines: Record<string, number>;
}

/** Something in a text does not fit. */
export class LineProblem extends Error {
  /** From 1. */
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.name = "LineProblem";
    this.line = line;
  }
}

interface Place {
  /** How the field is called in a message. */
  name: string;
  line: number;
  lineOf: (node: Node) => number;
  resolved: (node: Node) => Node | undefined;
}

type Reader<T> = (node: Node | undefined, at: Place) => T;

const wrong = ({ name, line }: Place, what: string) => new LineProblem(line, `${name} must be ${what}`);

/** As written, where nothing of it stands in quotes. */
const plain = (node: Node | undefined): string | undefined =>
  isScalar(node) && (node.type === Scalar.PLAIN || node.type === undefined)
    ? String(node.value ?? "")
    : undefined;

const NOTHING = ["", "~", "null", "Null", "NULL"];
const isNothing = (node: Node | undefined) => node === undefined || NOTHING.includes(plain(node) ?? "x");

const text: Reader<string> = (node, at) => {
  if (!isScalar(node) || isNothing(node)) {
    throw wrong(at, "a text");
  }
  return String(node.value);
};

const TRUE = /^(?:true|yes|y|on)$/i;
const FALSE = /^(?:false|no|n|off)$/i;

const flag: Reader<boolean> = (node, at) => {
  const word = isScalar(node) ? String(node.value) : "";
  if (!TRUE.test(word) && !FALSE.test(word)) {
    throw wrong(at, "true or false");
  }
  return TRUE.test(word);
};

const INTEGER = /^[-+]?(?:0|[1-9][\d_]*|0x[\da-f_]+|0o[0-7_]+|0b[01_]+)$/i;
const FLOAT = /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?$/i;

function numberOf(word: string): number | undefined {
  if (!INTEGER.test(word) && !FLOAT.test(word)) {
    return undefined;
  }
  const digits = word.replace(/^[-+]/, "").replaceAll("_", "");
  return Number(digits) * (word.startsWith("-") ? -1 : 1);
}

const number: Reader<number> = (node, at) => {
  const read = isScalar(node) ? numberOf(String(node.value)) : undefined;
  if (read === undefined) {
    throw wrong(at, "a number");
  }
  return read;
};

const MOST = 4_294_967_295;

const count: Reader<number> = (node, at) => {
  const word = isScalar(node) ? String(node.value) : "";
  const read = INTEGER.test(word) ? numberOf(word) : undefined;
  if (read === undefined || read < 0 || read > MOST) {
    throw wrong(at, "a whole number, not below 0");
  }
  return read;
};

/** What a text without quotes looks like is what it is. */
const value: Reader<Parameter["default"]> = (node, at) => {
  if (!isScalar(node)) {
    throw wrong(at, "a text, a number, or true or false");
  }
  const word = plain(node);
  const read =
    word === undefined
      ? String(node.value)
      : TRUE.test(word) || FALSE.test(word)
        ? TRUE.test(word)
        : (numberOf(word) ?? word);
  // The API's description knows only objects.
  return read as unknown as Parameter["default"];
};

const oneOf =
  <T extends string>(...words: T[]): Reader<T> =>
  (node, at) => {
    const word = isScalar(node) ? String(node.value) : "";
    const found = words.find((one) => one === word);
    if (found === undefined) {
      throw wrong(at, `one of ${words.join(", ")}`);
    }
    return found;
  };

const list =
  <T>(of: Reader<T>): Reader<T[]> =>
  (node, at) => {
    if (isNothing(node)) {
      return [];
    }
    if (!isSeq(node)) {
      throw wrong(at, "a list");
    }
    return node.items.map((item, index) => {
      const entry = isNode(item) ? at.resolved(item) : undefined;
      const line = isNode(item) ? at.lineOf(item) : at.line;
      return of(entry, { ...at, line, name: `${at.name}[${index}]` });
    });
  };

/** Given as nothing is the same as not given. */
const maybe =
  <T>(of: Reader<T>): Reader<T | undefined> =>
  (node, at) =>
    isNothing(node) ? undefined : of(node, at);

type Shape<T> = { [K in keyof T]-?: Reader<T[K]> };

const fields =
  <T>(shape: Shape<T>, needed: (keyof T & string)[] = [], onField?: Noted): Reader<T> =>
  (node, at) => {
    if (!isMap(node)) {
      throw wrong(at, "fields with values, like name: x");
    }
    const known = Object.keys(shape).join(", ");
    const said: Partial<T> = {};
    for (const { key, value: given } of node.items) {
      const name = isScalar(key) ? String(key.value) : "";
      const line = isNode(key) ? at.lineOf(key) : at.line;
      if (!Object.hasOwn(shape, name)) {
        throw new LineProblem(line, `${name || "this"} is no field here; there are ${known}`);
      }
      const field = name as keyof T & string;
      const inner = isNode(given) ? at.resolved(given) : undefined;
      const read = shape[field](inner, { ...at, line, name: at.name === "" ? name : `${at.name}.${name}` });
      if (read !== undefined) {
        said[field] = read;
      }
      onField?.(name, line, inner, at);
    }
    const lost = needed.find((field) => said[field] === undefined);
    if (lost !== undefined) {
      throw new LineProblem(at.line, `${at.name} has no ${lost}`);
    }
    return said as T;
  };

type Noted = (name: string, line: number, node: Node | undefined, at: Place) => void;

const PARAMETER = fields<Parameter>(
  {
    name: text,
    type: oneOf<ParameterType>("string", "integer", "number", "boolean", "choice", "secret"),
    description: text,
    required: flag,
    default: maybe(value),
    choices: list(text),
    minimum: maybe(number),
    maximum: maybe(number),
  },
  ["name", "type"],
);

const HEADER: Shape<Header> = {
  name: maybe(text),
  kind: oneOf<ScriptKind>("script", "library"),
  description: text,
  language: maybe(oneOf<Language>("bash", "python", "powershell")),
  parameters: list(PARAMETER),
  libraries: list(fields<LibraryLink>({ library: text, version: maybe(count) }, ["library"])),
  timeout_seconds: maybe(count),
  run_as_user: maybe(text),
  requires_elevation: flag,
  concurrency: maybe(
    fields<Concurrency>({ key: text, per: oneOf("host", "group", "tenant") }, ["key", "per"]),
  ),
};

/** Of a script itself, and not of what its version says. */
const OWN = ["name", "kind", "description", "language"];

/** Throws a `LineProblem`; lines count from the beginning of this text. */
export function readHeader(source: string): ReadHeader {
  const counter = new LineCounter();
  // Every scalar stays a text here: what it is to be is known better below.
  const document = parseDocument(source, { schema: "failsafe", lineCounter: counter, prettyErrors: false });
  const broken = document.errors[0];
  if (broken) {
    // What is missing at the end is missing in the last line that says something.
    const at = Math.min(broken.pos[0], source.trimEnd().length);
    throw new LineProblem(counter.linePos(at).line, broken.message);
  }
  const lineOf = (node: Node) => counter.linePos(node.range?.[0] ?? 0).line;
  const resolved = (node: Node) => (isAlias(node) ? node.resolve(document) : node);
  const lines: Record<string, number> = {};
  const note: Noted = (name, line, node, at) => {
    lines[OWN.includes(name) ? name : `definition.${name}`] = line;
    if (name === "parameters" && isSeq(node)) {
      for (const item of node.items) {
        const row = isNode(item) ? at.resolved(item) : undefined;
        const called: unknown = isMap(row) ? row.get("name") : undefined;
        if (row && typeof called === "string") {
          lines[`definition.parameters.${called}`] = at.lineOf(row);
        }
      }
    }
  };
  const top = document.contents ?? undefined;
  if (isNothing(top)) {
    return { header: {}, lines };
  }
  return { header: fields(HEADER, [], note)(top, { name: "", line: 1, lineOf, resolved }), lines };
}
