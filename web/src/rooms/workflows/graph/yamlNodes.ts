/** Where in the text the nodes of a YAML document begin and end. */
import { isMap, isNode, isPair, isScalar, type Node, type Pair, type YAMLMap, type YAMLSeq } from "yaml";

export type Collection = YAMLMap | YAMLSeq;

export const startOf = (node: Node): number => node.range?.[0] ?? 0;

export function pairStart({ key }: Pair): number {
  return isNode(key) ? startOf(key) : 0;
}

/** Behind the last thing that says something; what is left of the line and blank lines come after. */
export function contentEnd(source: string, node: Node): number {
  const [from, to] = node.range ?? [0, 0];
  if (isScalar(node) || !("items" in node) || node.flow) {
    return from + source.slice(from, to).trimEnd().length;
  }
  const last: unknown = (node as Collection).items.at(-1);
  if (isPair(last)) {
    return pairEnd(source, last);
  }
  if (!isNode(last)) {
    return to;
  }
  const end = contentEnd(source, last);
  // An entry that says nothing ends with its dash.
  return isMap(node) || end > startOf(last)
    ? end
    : Math.max(end, (dashesOf(node as YAMLSeq).at(-1) ?? end) + 1);
}

export function pairEnd(source: string, { key, value }: Pair): number {
  if (isNode(value) && (value.range?.[1] ?? 0) > (value.range?.[0] ?? 0)) {
    return contentEnd(source, value);
  }
  const end = isNode(key) ? (key.range?.[1] ?? 0) : 0;
  const colon = /^\s*:/.exec(source.slice(end));
  return end + (colon?.[0].length ?? 0);
}

/** Where the dashes of a block list stand. */
export function dashesOf(list: YAMLSeq): number[] {
  const token = list.srcToken;
  return token?.type === "block-seq"
    ? token.items.flatMap(({ start }) => start.find(({ type }) => type === "seq-item-ind")?.offset ?? [])
    : [];
}

export const lineStart = (source: string, at: number): number => source.lastIndexOf("\n", at - 1) + 1;

/** In front of the line break, whichever kind it is. */
export function lineEnd(source: string, at: number): number {
  const end = source.indexOf("\n", at);
  if (end < 0) {
    return source.length;
  }
  return source[end - 1] === "\r" && end > at ? end - 1 : end;
}

export const columnOf = (source: string, at: number): number => at - lineStart(source, at);

/** Whether nothing but blanks stands in front of it in its line. */
export const startsLine = (source: string, at: number): boolean =>
  source.slice(lineStart(source, at), at).trim() === "";

/** The beginning of the lines that belong to what begins here: comments directly above, as far to the right. */
export function withCommentsAbove(source: string, at: number): number {
  const column = columnOf(source, at);
  let from = lineStart(source, at);
  while (from > 0) {
    const above = lineStart(source, from - 1);
    const line = source.slice(above, from);
    if (!line.startsWith(`${" ".repeat(column)}#`)) {
      break;
    }
    from = above;
  }
  return from;
}
