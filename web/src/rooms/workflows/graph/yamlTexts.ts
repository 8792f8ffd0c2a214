/** Values as YAML, in the form of the text that they become part of. */
import { Document, isCollection, Scalar, stringify, type ToStringOptions } from "yaml";

export interface Context {
  /** Inside braces or brackets: everything on one line, nothing plain that could end it. */
  flow: boolean;
  /** Written as JSON. */
  json: boolean;
  /** Lists stand further to the right than the key that they belong to. */
  indentSeq: boolean;
  eol: string;
}

/** Words that older readers take for something else than a text are quoted. */
const OPTIONS = { compat: "yaml-1.1", lineWidth: 0 } as const;
const look = ({ indentSeq }: Context): ToStringOptions => ({
  lineWidth: 0,
  indentSeq,
  blockQuote: "literal",
  flowCollectionPadding: false,
});

/** A value on its own: in a flow context on one line. */
export function dumped(value: unknown, context: Context): string {
  if (context.json) {
    return JSON.stringify(value);
  }
  if (!context.flow) {
    return stringify(value, { ...OPTIONS, ...look(context) }).trimEnd();
  }
  const doc = new Document([value], OPTIONS);
  if (isCollection(doc.contents)) {
    doc.contents.flow = true;
  }
  return doc.toString(look(context)).trim().slice(1, -1);
}

export function itemText(value: unknown, context: Context, like?: Scalar): string {
  return dumped(like && !context.json ? alike(value, like, context) : value, context);
}

/** `key: value`, on as many lines as it takes. */
export function pairText(key: string, value: unknown, context: Context, like?: Scalar): string {
  if (context.flow) {
    return `${dumped(key, context)}: ${itemText(value, context, like)}`;
  }
  return dumped({ [key]: like ? alike(value, like, context) : value }, context);
}

/** For in place of another on the same line; nothing when it takes more lines. */
export function scalarText(old: Scalar, value: unknown, context: Context): string | undefined {
  if (context.json) {
    return JSON.stringify(value);
  }
  const block = old.type === "BLOCK_LITERAL" || old.type === "BLOCK_FOLDED";
  if (block || (typeof value === "string" && value.includes("\n") && !context.flow)) {
    return undefined;
  }
  return dumped(alike(value, old, context), context);
}

/**
 * Quoted, plain or in a block, as the other is. Quotes that the other could not do without are no taste: they go when
 * they are not needed any more.
 */
function alike(value: unknown, { type, value: old }: Scalar, { flow }: Context): unknown {
  if (typeof value !== "string" || type === undefined) {
    return value;
  }
  const scalar = new Scalar(value);
  const lines = value.includes("\n");
  if (type === "BLOCK_LITERAL" || type === "BLOCK_FOLDED") {
    scalar.type = flow || value === "" ? "QUOTE_DOUBLE" : "BLOCK_LITERAL";
  } else if (type !== "PLAIN" && needsQuotes(old) && !needsQuotes(value)) {
    return value;
  } else if (!lines || flow) {
    scalar.type = type === "QUOTE_SINGLE" && lines ? "QUOTE_DOUBLE" : type;
  }
  return scalar;
}

const needsQuotes = (value: unknown) => stringify(value, OPTIONS).trimEnd() !== value;
