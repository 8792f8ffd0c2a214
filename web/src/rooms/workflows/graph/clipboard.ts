/** Steps as a text of their own: what is copied out of one workflow and pasted into another, with its comments. */
import { isMap, isNode, isSeq } from "yaml";
import { allSteps, freeId, insertStep, outermost, removeSteps, renameStep, reread, setField } from "./edits";
import { type FlowStep, listAt } from "./model";
import { fieldsOf, parse, type Readable } from "./parse";
import { ROUTES } from "./references";
import { readText } from "./text";
import { isRecord } from "./values";
import { columnOf, contentEnd, lineEnd, lineStart, startOf, withCommentsAbove } from "./yamlNodes";

/** A list of YAML. */
export function copied(readable: Readable, steps: readonly FlowStep[]): string {
  return outermost(steps)
    .map((step) => {
      const { comments, body } = linesOf(readable, step);
      return `${comments}- ${body.replaceAll(/\n(?=[^\n])/g, "\n  ")}\n`;
    })
    .join("");
}

/** The lines that say a step, from the left edge on, and the comments directly above. */
function linesOf({ source, paths }: Readable, { pointer }: FlowStep): { comments: string; body: string } {
  const doc = readText(source);
  const node: unknown = doc.getIn(paths.get(pointer) ?? [], true);
  if (!isNode(node)) {
    return { comments: "", body: "" };
  }
  const from = startOf(node);
  const column = columnOf(source, from);
  const end = contentEnd(source, node);
  const flow = isMap(node) && node.flow;
  const whole = source.slice(from, flow ? end : lineEnd(source, end)).replaceAll("\r\n", "\n");
  const dash = /^[ ]*(?=- )/.exec(source.slice(lineStart(source, from)))?.[0].length;
  const first = lineStart(source, from);
  const above = dash === undefined ? first : withCommentsAbove(source, first + dash);
  return {
    comments: source
      .slice(above, first)
      .split(/\r?\n/)
      .map((line) => line.trimStart())
      .join("\n"),
    body: flow ? whole : dedented(whole, column),
  };
}

const dedented = (text: string, column: number) =>
  text
    .split("\n")
    .map((line, index) =>
      index === 0 ? line : line.slice(Math.min(column, line.length - line.trimStart().length)),
    )
    .join("\n");

export type Pasted = { source: string; ids: string[]; renamed: number } | { refused: string };

/** Puts copied steps into a list. Ids that are taken are changed, and routes to what is not there are dropped. */
export function pasted(readable: Readable, text: string, list: string, index: number): Pasted {
  const parsed = parse(asSteps(text));
  if (!("readable" in parsed)) {
    return { refused: "What was copied are no steps: a list of steps as YAML is needed" };
  }
  let brought = parsed.readable;
  if (
    brought.root.steps.length === 0 ||
    brought.root.steps.some(({ step }) => (step.type as string) === "")
  ) {
    return { refused: "What was copied are no steps: each needs a type" };
  }
  const taken = new Set(allSteps(readable).map(({ id }) => id));
  let renamed = 0;
  for (let number = 0; number < allSteps(brought).length; number += 1) {
    const step = allSteps(brought)[number];
    const others = allSteps(brought).flatMap(({ id }, place) => (place === number ? [] : [id]));
    const base = step && step.id !== "" ? step.id : String(step?.step.type);
    const id = freeId([...taken, ...others], base);
    if (step && id !== step.id) {
      brought = reread(renameStep(brought, step, id).source);
      renamed += 1;
    }
  }
  const there = [...(listAt(readable.root, list)?.steps ?? []), ...brought.root.steps].map(({ id }) => id);
  brought = withoutLostRoutes(brought, there);
  let source = readable.source;
  brought.root.steps.forEach((step, place) => {
    const { comments, body } = linesOf(brought, step);
    const lines = comments === "" ? body : `${comments.trimEnd()}\n${body}`;
    source = insertStep(reread(source), list, index + place, { lines });
  });
  return { source, ids: brought.root.steps.map(({ id }) => id), renamed };
}

/** Whatever holds steps: a list of them, one of them, or a whole workflow. */
function asSteps(text: string): string {
  const doc = readText(text);
  if (isSeq(doc.contents) && !doc.contents.flow) {
    return `steps:\n${text.replaceAll(/^(?=.)/gm, "  ")}`;
  }
  const value: unknown = doc.errors.length > 0 ? undefined : doc.toJS();
  if (isRecord(value) && "steps" in value) {
    return text;
  }
  if (isRecord(value) && ("type" in value || "config" in value)) {
    return `steps:\n  - ${text.trim().replaceAll(/\n(?=.)/g, "\n    ")}\n`;
  }
  return Array.isArray(value) ? `steps: ${text}` : "steps: none";
}

function withoutLostRoutes(readable: Readable, there: string[]): Readable {
  const words = ["continue", "completed", "failed", "cancelled", ...there];
  let source = readable.source;
  for (const step of readable.root.steps) {
    const fields = fieldsOf(readable, step);
    for (const field of ROUTES) {
      const route = fields[field];
      if (route !== undefined && !words.includes(String(route))) {
        const needed = field === "on_true" || field === "on_false";
        source = setField(reread(source), step, field, needed ? "continue" : undefined);
      }
    }
  }
  return reread(source);
}

export function cut(
  readable: Readable,
  steps: readonly FlowStep[],
): { text: string; source: string; routes: number } {
  return { text: copied(readable, steps), ...removeSteps(readable, steps) };
}
