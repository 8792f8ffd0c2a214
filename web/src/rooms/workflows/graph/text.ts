/**
 * Changes to a YAML (or JSON) text that leave everything else in it as it was written, byte for byte: comments, quotes,
 * blank lines, the form of lists. Each change is looked over by reading the text again; where it did not come to what
 * was asked for (anchors, unusual layouts), the text is written anew by the library, which keeps comments.
 */
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, parseDocument, visit } from "yaml";
import { deepEqual, isRecord, type Path, withIn, withInserted, withoutIn } from "./values";
import {
  type Collection,
  columnOf,
  contentEnd,
  dashesOf,
  lineEnd,
  lineStart,
  pairEnd,
  pairStart,
  startOf,
  startsLine,
  withCommentsAbove,
} from "./yamlNodes";
import { type Context, dumped, itemText, pairText, scalarText } from "./yamlTexts";

/** What is put into a list: a value, or lines of YAML that say it, without indentation. */
export type Item = { value: unknown } | { lines: string };

interface Place {
  doc: Document.Parsed;
  /** What the path leads into. */
  parent: unknown;
  last: string | number;
  context: Context;
}

export const readText = (source: string): Document.Parsed =>
  parseDocument(source, { keepSourceTokens: true });

/** Sets what a path leads to. Records and lists are compared with what is there, and only what differs is written. */
export function setIn(source: string, path: Path, value: unknown, order: readonly string[] = []): string {
  return looked(
    source,
    (js) => withIn(js, path, value),
    () => put(source, path, value, order),
    (doc) => doc.setIn(path, doc.createNode(value)),
  );
}

export function removeIn(source: string, path: Path): string {
  return looked(
    source,
    (js) => withoutIn(js, path),
    () => takeOut(source, path),
    (doc) => doc.deleteIn(path),
  );
}

/** Puts something into a list, in front of what stands at this index. A list that is not there yet is made. */
export function insertIn(source: string, path: Path, index: number, item: Item): string {
  const value = "value" in item ? item.value : readText(item.lines).toJS();
  return looked(
    source,
    (js) => withInserted(js, path, index, value),
    () => putItem(source, path, index, item, value),
    (doc) => {
      const list = doc.getIn(path, true);
      if (isSeq(list)) {
        list.items.splice(index, 0, doc.createNode(value));
      } else {
        doc.setIn(path, doc.createNode([value]));
      }
    },
  );
}

/** Replaces scalars by the text in which they stand; what comes out has to mean what was asked for. */
export function replaceTexts(
  source: string,
  expected: unknown,
  changes: { from: number; to: number; text: string }[],
  otherwise: (doc: Document.Parsed) => void,
): string {
  return looked(
    source,
    () => expected,
    () =>
      changes
        .toSorted((one, other) => other.from - one.from)
        .reduce((text, { from, to, text: by }) => text.slice(0, from) + by + text.slice(to), source),
    otherwise,
  );
}

function looked(
  source: string,
  expect: (js: unknown) => unknown,
  splice: () => string | undefined,
  rewrite: (doc: Document.Parsed) => void,
): string {
  const doc = readText(source);
  const expected = expect(doc.toJS());
  const exotic = isExotic(doc);
  const text = exotic ? undefined : splice();
  if (text !== undefined) {
    const after = readText(text);
    if (after.errors.length === 0 && deepEqual(after.toJS(), expected)) {
      return text;
    }
  }
  rewrite(doc);
  return doc.toString({
    lineWidth: 0,
    indentSeq: contextOf(doc, source).indentSeq,
    flowCollectionPadding: /[{[] /.test(source),
  });
}

/** Anchors and tags stand outside of the nodes that they belong to. */
function isExotic(doc: Document.Parsed): boolean {
  let exotic = false;
  visit(doc, {
    Node: (_, node) => {
      exotic ||= isAlias(node) || node.anchor !== undefined || node.tag !== undefined;
      return exotic ? visit.BREAK : undefined;
    },
  });
  return exotic;
}

function contextOf(doc: Document.Parsed, source: string): Context {
  const root = doc.contents;
  const json = isMap(root) && root.flow === true;
  let indentSeq = true;
  visit(doc, {
    Pair: (_, pair) => {
      if (isSeq(pair.value) && !pair.value.flow && isScalar(pair.key)) {
        const [dash] = dashesOf(pair.value);
        if (dash !== undefined) {
          indentSeq = columnOf(source, dash) > columnOf(source, startOf(pair.key));
          return visit.BREAK;
        }
      }
      return undefined;
    },
  });
  return {
    flow: json,
    json: json && source.includes('"'),
    indentSeq,
    eol: source.includes("\r\n") ? "\r\n" : "\n",
  };
}

function placeOf(source: string, path: Path): Place | undefined {
  const doc = readText(source);
  const last = path.at(-1);
  if (last === undefined) {
    return undefined;
  }
  const context = contextOf(doc, source);
  let parent: unknown = doc.contents;
  for (const segment of path.slice(0, -1)) {
    context.flow ||= (isMap(parent) || isSeq(parent)) && parent.flow === true;
    parent = isMap(parent) || isSeq(parent) ? parent.get(segment, true) : undefined;
  }
  context.flow ||= (isMap(parent) || isSeq(parent)) && parent.flow === true;
  return { doc, parent, last, context };
}

function put(source: string, path: Path, value: unknown, order: readonly string[]): string | undefined {
  const place = placeOf(source, path);
  if (!place) {
    return undefined;
  }
  const { parent, last, context } = place;
  if (!isMap(parent) && !isSeq(parent)) {
    return put(source, path.slice(0, -1), typeof last === "string" ? { [last]: value } : [value], order);
  }
  if (isMap(parent) && !parent.has(last)) {
    return putPair(source, parent, String(last), value, order, context);
  }
  const node = parent.get(last, true);
  const old = isNode(node) ? node.toJS(place.doc) : node;
  if (deepEqual(old, value)) {
    return source;
  }
  if (isRecord(old) && isRecord(value) && isMap(node) && hasKeys(old) && hasKeys(value)) {
    return putRecord(source, path, old, value);
  }
  if (Array.isArray(old) && Array.isArray(value) && isSeq(node) && old.length > 0 && value.length > 0) {
    return putList(source, path, old, value);
  }
  if (isScalar(node) && !Array.isArray(value) && !isRecord(value)) {
    const text = scalarText(node, value, context);
    const [from, to] = node.range ?? [0, 0];
    if (text !== undefined && to > from) {
      return source.slice(0, from) + text + source.slice(to);
    }
  }
  return replaced(source, parent, last, isScalar(node) ? { value, like: node } : { value }, context);
}

const hasKeys = (record: Record<string, unknown>) => Object.keys(record).length > 0;

function putRecord(
  source: string,
  path: Path,
  old: Record<string, unknown>,
  value: Record<string, unknown>,
): string {
  // What is new comes first, so that the record never is without any key.
  let text = source;
  for (const [key, entry] of Object.entries(value)) {
    text = setIn(text, [...path, key], entry);
  }
  for (const key of Object.keys(old).filter((one) => !Object.hasOwn(value, one))) {
    text = removeIn(text, [...path, key]);
  }
  return text;
}

/** What is the same at the beginning and at the end stays; between them entries are changed, put in and taken out. */
function putList(source: string, path: Path, old: unknown[], value: unknown[]): string {
  const least = Math.min(old.length, value.length);
  let head = 0;
  while (head < least && deepEqual(old[head], value[head])) {
    head += 1;
  }
  let tail = 0;
  while (tail < least - head && deepEqual(old.at(-1 - tail), value.at(-1 - tail))) {
    tail += 1;
  }
  const both = least - head - tail;
  let text = source;
  for (let index = head; index < head + both; index += 1) {
    text = setIn(text, [...path, index], value[index]);
  }
  for (let index = old.length - tail - 1; index >= head + both; index -= 1) {
    text = removeIn(text, [...path, index]);
  }
  for (let index = head + both; index < value.length - tail; index += 1) {
    text = insertIn(text, path, index, { value: value[index] });
  }
  return text;
}

/** Behind the last of the keys that come before it in the order; behind all where the order does not say. */
function putPair(
  source: string,
  map: Collection,
  key: string,
  value: unknown,
  order: readonly string[],
  context: Context,
): string | undefined {
  const pairs = isMap(map) ? map.items : [];
  const rank = order.indexOf(key);
  const before = rank < 0 ? [] : order.slice(0, rank);
  const found = pairs.findLastIndex((pair) => isScalar(pair.key) && before.includes(String(pair.key.value)));
  const behind = found < 0 ? pairs.length - 1 : found;
  const text = pairText(key, value, context);
  const pair = pairs[behind];
  if (!pair) {
    const from = startOf(map) + 1;
    return map.flow ? source.slice(0, from) + text + source.slice(from) : undefined;
  }
  if (rank >= 0 && found < 0) {
    return inFront(source, pairStart(pairs[0] ?? pair), text, context);
  }
  if (context.flow) {
    return spliced(source, pairEnd(source, pair), `,${gapBefore(source, pairStart(pair), context)}${text}`);
  }
  const column = columnOf(source, pairStart(pairs[0] ?? pair));
  return spliced(
    source,
    lineEnd(source, pairEnd(source, pair)),
    context.eol + " ".repeat(column) + indented(text, column, context),
  );
}

function inFront(source: string, at: number, text: string, context: Context): string {
  const column = columnOf(source, at);
  const gap = context.flow ? `,${gapBefore(source, at, context)}` : context.eol + " ".repeat(column);
  return spliced(source, at, indented(text, column, context) + gap);
}

/** Entries of a flow list stand on lines of their own, or behind each other. */
function gapBefore(source: string, from: number, { eol }: Context): string {
  return startsLine(source, from) ? eol + " ".repeat(columnOf(source, from)) : " ";
}

const spliced = (source: string, at: number, text: string) => source.slice(0, at) + text + source.slice(at);

/** Lines but the first further to the right. */
const indented = (text: string, column: number, { eol }: Context) =>
  text
    .split(/\r?\n/)
    .map((line, index) => (index === 0 || line === "" ? line : " ".repeat(column) + line))
    .join(eol);

/** An entry of a block list; comments that come first stand above its dash. */
function dashed(text: string, column: number, context: Context): string {
  const [comments = ""] = /^(?:#.*\n)*/.exec(text) ?? [];
  const entry = `- ${indented(text.slice(comments.length), column + 2, context)}`;
  const lines = comments.split("\n").slice(0, -1);
  return [...lines, entry].join(context.eol + " ".repeat(column));
}

interface Replacement {
  value: unknown;
  like?: Parameters<typeof itemText>[2];
}

function replaced(
  source: string,
  parent: Collection,
  last: string | number,
  { value, like }: Replacement,
  context: Context,
): string | undefined {
  if (isMap(parent)) {
    const pair = parent.items.find(({ key }) => isScalar(key) && key.value === last);
    if (!pair) {
      return undefined;
    }
    const from = pairStart(pair);
    const text = pairText(String(last), value, context, like);
    return (
      source.slice(0, from) +
      indented(text, columnOf(source, from), context) +
      source.slice(pairEnd(source, pair))
    );
  }
  const node = parent.items[Number(last)];
  if (!isNode(node)) {
    return undefined;
  }
  const from = startOf(node);
  const text = itemText(value, context, like);
  return (
    source.slice(0, from) +
    indented(text, columnOf(source, from), context) +
    source.slice(contentEnd(source, node))
  );
}

function putItem(source: string, path: Path, index: number, item: Item, value: unknown): string | undefined {
  const place = placeOf(source, [...path, index]);
  if (!place) {
    return undefined;
  }
  const { parent: list, context } = place;
  const text = "lines" in item && !context.flow ? item.lines.trimEnd() : itemText(value, context);
  if (!isSeq(list) || list.items.length === 0) {
    return firstItem(source, path, text, value, context);
  }
  if (list.flow) {
    return flowItem(source, list, index, text, context);
  }
  const dashes = dashesOf(list);
  const [first] = dashes;
  const ahead = list.items[index - 1];
  if (first === undefined) {
    return undefined;
  }
  const column = columnOf(source, first);
  const body = dashed(text, column, context);
  if (index === 0 || !isNode(ahead)) {
    return spliced(source, first, body + context.eol + " ".repeat(column));
  }
  return spliced(source, lineEnd(source, contentEnd(source, ahead)), context.eol + " ".repeat(column) + body);
}

/** The list is not there yet, or has nothing in it. */
function firstItem(
  source: string,
  path: Path,
  text: string,
  value: unknown,
  context: Context,
): string | undefined {
  const holder = placeOf(source, path);
  const pair =
    holder && isMap(holder.parent)
      ? holder.parent.items.find(({ key }) => isScalar(key) && key.value === holder.last)
      : undefined;
  if (!pair || context.flow) {
    return put(source, path, [value], []);
  }
  const from = pairStart(pair);
  const column = columnOf(source, from) + (context.indentSeq ? 2 : 0);
  const key = dumped(String(holder?.last), context);
  const body = `${key}:${context.eol}${" ".repeat(column)}${dashed(text, column, context)}`;
  return source.slice(0, from) + body + source.slice(pairEnd(source, pair));
}

function flowItem(
  source: string,
  list: Collection,
  index: number,
  text: string,
  context: Context,
): string | undefined {
  const ahead = list.items[index - 1];
  const next = list.items[index];
  if (isNode(ahead)) {
    return spliced(
      source,
      contentEnd(source, ahead),
      `,${gapBefore(source, startOf(ahead), context)}${text}`,
    );
  }
  if (isNode(next)) {
    return spliced(source, startOf(next), `${text},${gapBefore(source, startOf(next), context)}`);
  }
  return undefined;
}

function takeOut(source: string, path: Path): string | undefined {
  const place = placeOf(source, path);
  if (!place || (!isMap(place.parent) && !isSeq(place.parent))) {
    return undefined;
  }
  const { parent, last, context } = place;
  const parts = partsOf(source, parent);
  const index = isMap(parent)
    ? parent.items.findIndex(({ key }) => isScalar(key) && key.value === last)
    : Number(last);
  const part = parts[index];
  if (!part) {
    return undefined;
  }
  if (parts.length === 1) {
    return emptied(source, path.slice(0, -1), isSeq(parent) ? [] : {}, parent, context);
  }
  const cut = (from: number, to: number) => source.slice(0, from) + source.slice(to);
  const [ahead, next] = [parts[index - 1], parts[index + 1]];
  if (parent.flow) {
    return ahead ? cut(ahead.to, part.to) : next && cut(part.from, next.from);
  }
  if (!startsLine(source, part.from)) {
    return next && cut(part.from, next.from);
  }
  const from = isSeq(parent) ? withCommentsAbove(source, part.from) : lineStart(source, part.from);
  const to = lineEnd(source, part.to);
  return to < source.length
    ? cut(from, to + (source[to] === "\r" ? 2 : 1))
    : cut(Math.max(0, from - context.eol.length), to);
}

/** The last one is gone: an empty collection stays. */
function emptied(
  source: string,
  path: Path,
  value: unknown[] | object,
  collection: Collection,
  context: Context,
): string | undefined {
  const holder = placeOf(source, path);
  if (holder && isMap(holder.parent)) {
    return replaced(
      source,
      holder.parent,
      holder.last,
      { value },
      { ...context, flow: context.flow && !!collection.flow },
    );
  }
  const from = startOf(collection);
  return (
    source.slice(0, from) +
    (Array.isArray(value) ? "[]" : "{}") +
    source.slice(contentEnd(source, collection))
  );
}

/** From where to where each entry goes, its dash included. */
function partsOf(source: string, collection: Collection): { from: number; to: number }[] {
  if (isMap(collection)) {
    return collection.items.map((pair) => ({ from: pairStart(pair), to: pairEnd(source, pair) }));
  }
  const dashes = collection.flow ? [] : dashesOf(collection);
  return collection.items.map((node, index) => {
    const own = isNode(node) ? node : undefined;
    const from = dashes[index] ?? (own ? startOf(own) : 0);
    return { from, to: own ? contentEnd(source, own) : from };
  });
}
