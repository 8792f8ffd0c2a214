/** Where texts speak of a step: `{{step_ID.stdout}}`, in conditions without braces as well, and routes. */
import { type Document, isNode, isScalar, type Scalar, visit } from "yaml";
import { readText, replaceTexts } from "./text";
import { isRecord } from "./values";
import { scalarText } from "./yamlTexts";

export const ROUTES = ["on_success", "on_failure", "on_true", "on_false"];
const LITERAL = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g;
const BRACES = /\{\{[^{}]*\}\}/g;

interface Renamed {
  from: string;
  to: string;
}

function everywhere(text: string, { from, to }: Renamed): string {
  const name = from.replaceAll(/[^\w-]/g, "\\$&");
  return text.replaceAll(
    new RegExp(`(?<![\\w.-])((?:variables\\.)?step_)${name}(?![\\w-])`, "g"),
    (_, before: string) => before + to,
  );
}

/** A text with the other name in its placeholders, a condition with it everywhere but in what it compares with. */
export function renamedIn(text: string, key: string | undefined, renamed: Renamed): string {
  if (key !== undefined && ROUTES.includes(key)) {
    return text === renamed.from ? renamed.to : text;
  }
  if (key !== "condition") {
    return text.replaceAll(BRACES, (part) => everywhere(part, renamed));
  }
  let done = "";
  let at = 0;
  for (const { 0: literal, index } of text.matchAll(LITERAL)) {
    done += everywhere(text.slice(at, index), renamed) + literal;
    at = index + literal.length;
  }
  return done + everywhere(text.slice(at), renamed);
}

/** All that named a step by its old id names it by the new one. Gives in how many places. */
export function renameReferences(source: string, renamed: Renamed): { source: string; places: number } {
  const doc = readText(source);
  const places = placesIn(doc, renamed);
  const changes = places.map(({ scalar, key, value }) => {
    const [from, to] = scalar.range ?? [0, 0];
    const raw = source.slice(from, to);
    return { from, to, text: rewritten(raw, scalar, key, value, renamed) };
  });
  return {
    places: places.length,
    source:
      places.length === 0
        ? source
        : replaceTexts(source, renamedAll(doc.toJS(), undefined, renamed), changes, (whole) => {
            for (const { scalar, value } of placesIn(whole, renamed)) {
              scalar.value = value;
            }
          }),
  };
}

interface Mention {
  scalar: Scalar;
  key: string | undefined;
  /** What it says afterwards. */
  value: string;
}

function placesIn(doc: Document.Parsed, renamed: Renamed): Mention[] {
  const places: Mention[] = [];
  visit(doc, {
    Scalar: (role, scalar, path) => {
      if (role !== "key" && typeof scalar.value === "string") {
        const key = keyOf(path);
        const value = renamedIn(scalar.value, key, renamed);
        if (value !== scalar.value) {
          places.push({ scalar, key, value });
        }
      }
    },
  });
  return places;
}

/** The scalar as it is written: ids need no quotes, so what stands around them stays. */
function rewritten(
  raw: string,
  scalar: Scalar,
  key: string | undefined,
  value: string,
  renamed: Renamed,
): string {
  if (key !== undefined && ROUTES.includes(key)) {
    return raw.replace(renamed.from, renamed.to);
  }
  if (key !== "condition") {
    return renamedIn(raw, key, renamed);
  }
  const simple = everywhere(String(scalar.value), renamed) === value;
  const context = { flow: true, json: raw.startsWith('"'), indentSeq: true, eol: "\n" };
  return simple ? everywhere(raw, renamed) : (scalarText(scalar, value, context) ?? raw);
}

/** The key that a scalar is the value of, also inside a list. */
function keyOf(path: readonly unknown[]): string | undefined {
  for (const above of path.toReversed()) {
    if (isRecord(above) && "key" in above && isNode(above["key"]) && isScalar(above["key"])) {
      return String(above["key"].value);
    }
  }
  return undefined;
}

function renamedAll(value: unknown, key: string | undefined, renamed: Renamed): unknown {
  if (typeof value === "string") {
    return renamedIn(value, key, renamed);
  }
  if (Array.isArray(value)) {
    return value.map((entry) => renamedAll(entry, key, renamed));
  }
  return isRecord(value)
    ? Object.fromEntries(
        Object.entries(value).map(([name, entry]) => [name, renamedAll(entry, name, renamed)]),
      )
    : value;
}
