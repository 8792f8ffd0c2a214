/** Which problem of the server belongs to which step. */
import type { Mark } from "../graph/elements";
import type { Graph } from "../graph/model";

/** By pointer of the step: those of steps in branches are theirs, not their parallel step's. */
export function marksOf(graph: Graph, problems: readonly Mark[]): ReadonlyMap<string, Mark[]> {
  const marks = new Map<string, Mark[]>();
  const pointers = new Set(graph.steps.map(({ pointer }) => pointer));
  for (const problem of problems) {
    let at = problem.pointer;
    while (at !== "" && !pointers.has(at)) {
      at = at.slice(0, at.lastIndexOf("/"));
    }
    if (at !== "") {
      marks.set(at, [...(marks.get(at) ?? []), problem]);
    }
  }
  return marks;
}

/** Of one field, or of anything inside of it. */
export function fieldProblem(marks: readonly Mark[], pointer: string, field: string): string | undefined {
  const own = [`${pointer}/${field}`, `${pointer}/config/${field}`];
  const found = marks.filter((mark) =>
    own.some((one) => mark.pointer === one || mark.pointer.startsWith(`${one}/`)),
  );
  return found.length > 0 ? found.map(({ message }) => message).join("; ") : undefined;
}
