/** Where in a YAML text a JSON Pointer leads. The text may be broken: what can be read of it is enough. */
import { yamlLanguage } from "@codemirror/lang-yaml";

type Node = ReturnType<typeof yamlLanguage.parser.parse>["topNode"];

export interface TextPlace {
  /** Both count from 1. */
  line: number;
  column: number;
}

export interface YamlPlacesOptions {
  /** Fields that may stand one level deeper, in a field of this name. */
  nestedIn?: string;
}

/**
 * Gives the place for each pointer, as far as it can be followed: for a field that is missing, what it is missing in.
 */
export function yamlPlaces(
  text: string,
  options: YamlPlacesOptions = {},
): (pointer: string, bytesInside?: number) => TextPlace {
  const { topNode } = yamlLanguage.parser.parse(text);
  const root = topNode.getChild("Document") ?? topNode;
  const content = contentOf(root);
  return (pointer, bytesInside) => {
    const segments = pointer.split("/").slice(1).map(unescaped);
    let at: Found = { node: content ?? root, whole: true };
    for (const segment of segments) {
      const next = below(at.node, segment, text, options);
      if (!next) {
        at = { ...at, whole: false };
        break;
      }
      at = next;
    }
    const start = beginning(at.node, text);
    const inside = at.whole && bytesInside !== undefined ? insideOf(at.node, text, bytesInside) : 0;
    return placeAt(text, start + inside);
  };
}

interface Found {
  node: Node;
  /** The whole pointer led here. */
  whole: boolean;
}

const unescaped = (segment: string) => segment.replaceAll("~1", "/").replaceAll("~0", "~");

const COLLECTIONS = ["BlockMapping", "FlowMapping", "BlockSequence", "FlowSequence"];
const VALUES = [...COLLECTIONS, "Literal", "QuotedLiteral", "BlockLiteral", "Alias"];

/** The value in a document, a pair or an item; tags and anchors in front of it are none. */
function contentOf(node: Node): Node | undefined {
  for (let child = node.lastChild; child; child = child.prevSibling) {
    if (VALUES.includes(child.name)) {
      return child;
    }
    if (child.name === "Tagged" || child.name === "Anchored") {
      return contentOf(child);
    }
  }
  return undefined;
}

function below(node: Node, segment: string, text: string, options: YamlPlacesOptions): Found | undefined {
  if (node.name.endsWith("Sequence")) {
    const item = node.getChildren("Item")[Number(segment)];
    return item && { node: contentOf(item) ?? item, whole: true };
  }
  const pair = pairOf(node, segment, text);
  if (pair) {
    return { node: contentOf(pair) ?? pair, whole: true };
  }
  const nested = options.nestedIn === undefined ? undefined : pairOf(node, options.nestedIn, text);
  const inner = nested && contentOf(nested);
  return inner && pairOf(inner, segment, text) ? below(inner, segment, text, {}) : undefined;
}

function pairOf(node: Node, name: string, text: string): Node | undefined {
  return node.getChildren("Pair").find((pair) => {
    const key = pair.getChild("Key");
    return key !== null && nameIn(text.slice(key.from, key.to).trim()) === name;
  });
}

function nameIn(key: string): string {
  const quote = key[0];
  return (quote === '"' || quote === "'") && key.endsWith(quote) ? key.slice(1, -1) : key;
}

/** A node may begin with the comments and the blanks in front of it. */
function beginning(node: Node, text: string): number {
  if (node.name === "BlockMapping") {
    return node.getChild("Pair")?.from ?? node.from;
  }
  const blanks = /^\s*/.exec(text.slice(node.from, node.to))?.[0].length ?? 0;
  return node.from + (node.from + blanks < node.to ? blanks : 0);
}

/** Only where the text stands as it is read: not where lines are folded or characters escaped. */
function insideOf(node: Node, text: string, bytes: number): number {
  const raw = text.slice(beginning(node, text), node.to);
  const quoted = node.name === "QuotedLiteral";
  if ((node.name !== "Literal" && !quoted) || raw.includes("\n") || (quoted && /\\|''/.test(raw))) {
    return 0;
  }
  const value = quoted ? raw.slice(1, -1) : raw;
  const before = new TextDecoder().decode(new TextEncoder().encode(value).slice(0, bytes));
  return Math.min(before.length, value.length) + (quoted ? 1 : 0);
}

function placeAt(text: string, offset: number): TextPlace {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}
