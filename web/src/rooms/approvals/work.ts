/** What is said of the work behind an approval. */
import type { ApprovedWork } from "~/api/types";
import { count } from "~/ui/format";

/** Steps that are there at once; more are a click away. */
export const SHOWN_FIRST = 20;

/** The steps to show, and how many more there are. */
export function shownSteps(work: ApprovedWork[], all: boolean): { steps: ApprovedWork[]; more: number } {
  const steps = all ? work : work.slice(0, SHOWN_FIRST);
  return { steps, more: work.length - steps.length };
}

/** A path as it is written in a text. */
export const placeholder = (path: string) => `{{${path}}}`;

/** `Script 4, version 2` */
export function versionWords({ script, action, workflow }: ApprovedWork): string[] {
  const saved = [
    ["Action", action],
    ["Script", script],
    ["Workflow", workflow],
  ] as const;
  return saved.flatMap(([what, one]) => (one ? [`${what} ${one.id}, version ${one.version}`] : []));
}

/** Of how many steps it consists, and on which of them something depends. */
export function extentWords(work: ApprovedWork[]): string {
  const only = work.filter(({ only_if = [] }) => only_if.length > 0).length;
  const open = work.filter(({ open: paths = [] }) => paths.length > 0).length;
  const parts = [
    count(work.length, "step"),
    ...(only > 0 ? [`${only} only in some cases`] : []),
    ...(open > 0 ? [`${open} with values that are known only when they run`] : []),
  ];
  return parts.join(", ");
}

/** The steps that ask people again: what follows their approval is not part of this one. */
export function askedAgain(work: ApprovedWork[]): string[] {
  return work.filter(({ type }) => type === "approval").map(({ step }) => step);
}

/** A job's payload stands beside the name of its type, which is said already. */
export function innerPayload(payload: object): unknown {
  const names = Object.keys(payload).sort().join();
  return names === "payload,type" && "payload" in payload ? payload.payload : payload;
}
