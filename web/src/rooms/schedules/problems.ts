/** The server's problems with a schedule, by the input they belong to. */
import { ApiProblem, asProblem } from "~/api/problem";
import type { FieldProblem } from "~/api/types";
import { TARGET_FIELDS } from "~/rooms/agents/HostPicker";
import { HOW_FIELDS } from "~/rooms/jobs/how";
import { workFields } from "~/rooms/jobs/work/draft";
import { asksHosts, hasOwnWay, type ScheduleDraft } from "./draft";

const OWN_FIELDS = [
  "name",
  "description",
  "organization_id",
  "department_id",
  "cron",
  "zone",
  "missed",
  "overlap",
  "max_runs",
  "ends_at",
  "blackout",
  "blackout.calendar_id",
  "script_id",
  "version",
  "action_id",
  "workflow_id",
];

/** What is in the definition has the same names as in a run, where the inputs come from. */
const PREFIXES = ["definition.work.job.", "definition.work.", "definition."];

export function inputOf(field: string, kind: ScheduleDraft["kind"]): string {
  const prefix = PREFIXES.find((one) => field.startsWith(one)) ?? "";
  const name = field.slice(prefix.length);
  // The form has one place for each.
  return kind === "job" ? name : name.replace(/^(?:secrets|inputs)\./, "parameters.");
}

export function problemFields(error: unknown, kind: ScheduleDraft["kind"]): FieldProblem[] {
  if (!(error instanceof ApiProblem)) {
    return asProblem(error).fields;
  }
  return error.fields.map((problem) => ({ ...problem, field: inputOf(problem.field, kind) }));
}

/** Every name under which the form shows a problem. */
export function inputs(draft: ScheduleDraft, parameters: { name: string }[]): string[] {
  return [
    ...OWN_FIELDS,
    ...(asksHosts(draft) ? TARGET_FIELDS : []),
    ...(hasOwnWay(draft.kind) ? [] : HOW_FIELDS),
    ...(draft.kind === "job" ? workFields(draft.work) : parameters.map(({ name }) => `parameters.${name}`)),
  ];
}
