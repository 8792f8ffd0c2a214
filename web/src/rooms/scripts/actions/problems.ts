/** The server's problems with an action, by the input they belong to. */
import { asProblem } from "~/api/problem";
import type { FieldProblem } from "~/api/types";
import { TARGET_FIELDS } from "~/rooms/agents/HostPicker";
import { HOW_FIELDS } from "~/rooms/jobs/how";
import { workFields } from "~/rooms/jobs/work/draft";
import type { ActionDraft, WorkKind } from "./draft";

const OWN_FIELDS = [
  "name",
  "description",
  "organization_id",
  "department_id",
  "script_id",
  "version",
  "secrets",
  "definition.parameters",
  "definition.runners",
];

/** Inputs of their own; what else is in the definition has the same names as in a run. */
const KEPT_WHOLE = ["definition.parameters", "definition.fills", "definition.runners"];
const PREFIXES = ["definition.work.job.", "definition.work.", "definition."];

export function inputOf(field: string, kind: WorkKind): string {
  if (KEPT_WHOLE.some((own) => field.startsWith(own))) {
    return field;
  }
  const prefix = PREFIXES.find((one) => field.startsWith(one)) ?? "";
  const name = field.slice(prefix.length);
  return kind === "script" && name.startsWith("secrets.")
    ? `parameters.${name.slice("secrets.".length)}`
    : name;
}

/** What is said of all kept secrets is said at the input of each. */
export function problemFields(error: unknown, kind: WorkKind, kept: string[]): FieldProblem[] {
  return asProblem(error).fields.flatMap(({ field, message }) => {
    const at = inputOf(field, kind);
    if (at !== "secrets") {
      return [{ field: at, message }];
    }
    const beside = kept.map((name) => (kind === "script" ? `parameters.${name}` : `secrets.${name}`));
    return ["secrets", ...beside].map((name) => ({ field: name, message }));
  });
}

/** Every name under which the form shows a problem. */
export function inputs(draft: ActionDraft, parameters: { name: string }[], kept: string[]): string[] {
  const open = draft.parameters.map(({ name }) => name.trim());
  return [
    ...OWN_FIELDS,
    ...TARGET_FIELDS,
    ...HOW_FIELDS,
    ...(draft.kind === "job"
      ? [
          ...workFields(draft.work),
          ...open.map((name) => `definition.parameters.${name}`),
          ...open.map((name) => `definition.fills.${name}`),
        ]
      : parameters.map(({ name }) => `parameters.${name}`)),
    ...kept.map((name) => `secrets.${name}`),
  ];
}
