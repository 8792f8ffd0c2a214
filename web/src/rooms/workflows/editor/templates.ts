/** What a step of each type says when it is new: as little as shows what is to be filled in. */
import type { StepFields } from "../graph/edits";
import { STEP_TYPE, type StepType } from "../words";

export const TYPES = Object.keys(STEP_TYPE) as StepType[];

const NEW: Record<StepType, StepFields> = {
  script: {},
  command: { command: "" },
  http_request: { url: "" },
  action: {},
  approval: { title: "Go on?", approval_type: "one_of_many", approvers: ["role:approver"] },
  conditional: { condition: "", on_true: "continue", on_false: "failed" },
  delay: { minutes: 1 },
  notify: { title: "", to: [] },
  parallel: { branches: [{ steps: [] }, { steps: [] }] },
  workflow: {},
};

/** The beginning of an id, where the name of the type is long. */
const ID: Partial<Record<StepType, string>> = { http_request: "request", conditional: "check" };

export const idOfNew = (type: StepType): string => ID[type] ?? type;

export const newStep = (type: StepType, id: string): StepFields => ({ id, type, ...NEW[type] });
