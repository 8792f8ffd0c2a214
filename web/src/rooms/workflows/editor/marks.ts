/** Which problem of the server belongs to which step. */
import type { Mark } from "../graph/elements";
import type { Graph } from "../graph/model";

/** By key of the step, each seen from there: those of steps in branches are theirs, not their parallel step's. */
export function marksOf(graph: Graph, problems: readonly Mark[]): ReadonlyMap<string, Mark[]> {
  const marks = new Map<string, Mark[]>();
  const keys = new Map(graph.steps.map(({ pointer, key }) => [pointer, key]));
  for (const problem of problems) {
    let at = problem.pointer;
    while (at !== "" && !keys.has(at)) {
      at = at.slice(0, at.lastIndexOf("/"));
    }
    const key = keys.get(at);
    if (key !== undefined) {
      const own = { ...problem, pointer: problem.pointer.slice(at.length) };
      marks.set(key, [...(marks.get(key) ?? []), own]);
    }
  }
  return marks;
}

const isOf = ({ pointer }: Mark, field: string) =>
  [`/${field}`, `/config/${field}`].some((own) => pointer === own || pointer.startsWith(`${own}/`));

/** What is said of one field, or of anything inside of it. */
export const fieldProblem = (marks: readonly Mark[], field: string): string | undefined =>
  said(marks.filter((mark) => isOf(mark, field)));

/** What is said of one field as a whole. */
export const ownProblem = (marks: readonly Mark[], field: string): string | undefined =>
  said(marks.filter(({ pointer }) => pointer === `/${field}` || pointer === `/config/${field}`));

/** Each sentence once. */
const said = (marks: readonly Mark[]): string | undefined =>
  [...new Set(marks.map(({ message }) => message))].join("; ") || undefined;

/** What is said of the step as a whole, or of fields that have no input. */
export const otherProblems = (marks: readonly Mark[], fields: readonly string[]): Mark[] =>
  marks.filter((mark) => !fields.some((field) => isOf(mark, field)));
