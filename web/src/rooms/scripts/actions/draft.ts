/** An action as it stands in the form, and the request that it becomes. */
import type { ActionCreate, ActionDefinition, ActionDetail, ActionWork, Parameter } from "~/api/types";
import {
  emptyTargets,
  missingTargets,
  type TargetDraft,
  targetsFrom,
  toTargets,
} from "~/rooms/agents/targets";
import { emptyHow, type HowDraft, howFrom, missingHow, toHow } from "~/rooms/jobs/how";
import {
  emptyWork,
  missingWork,
  toWork,
  type WorkDraft,
  workFrom,
  workSecrets,
} from "~/rooms/jobs/work/draft";
import { sentSecrets } from "~/rooms/jobs/work/kept";
import { type ParameterDraft, parameterDraft, parameterOf } from "../definition";
import { type ParameterTexts, toValues } from "../parameters";

export type WorkKind = "job" | "script";

export interface FixedScriptDraft {
  id: number | undefined;
  /** Empty: the newest at each run. */
  version: string;
  texts: ParameterTexts;
  /** Names of the parameters that nobody is asked for. */
  fixed: string[];
}

export interface ActionDraft {
  name: string;
  description: string;
  organization: number | undefined;
  department: number | undefined;
  kind: WorkKind;
  work: WorkDraft;
  script: FixedScriptDraft;
  /** Open ones of a job. */
  parameters: ParameterDraft[];
  /** JSON Pointers by the id of the parameter's row. */
  places: Record<number, string>;
  targets: TargetDraft;
  how: HowDraft;
  runners: string[];
}

export const emptyFixed = (id?: number): FixedScriptDraft => ({ id, version: "", texts: {}, fixed: [] });

export function emptyAction(): ActionDraft {
  return {
    name: "",
    description: "",
    organization: undefined,
    department: undefined,
    kind: "job",
    work: emptyWork(),
    script: emptyFixed(),
    parameters: [],
    places: {},
    targets: emptyTargets(),
    how: emptyHow(),
    runners: [],
  };
}

export function draftOf(action: ActionDetail): ActionDraft {
  const { draft: definition } = action;
  const parameters = (definition.parameters ?? []).map(parameterDraft);
  return {
    ...emptyAction(),
    ...workDraft(definition.work, action.draft_secrets),
    name: action.name,
    description: action.description,
    organization: action.organization_id ?? undefined,
    department: action.department_id ?? undefined,
    parameters,
    places: Object.fromEntries(
      parameters.flatMap(({ id, name }) => {
        const pointer = definition.fills?.[name];
        return pointer === undefined ? [] : [[id, pointer]];
      }),
    ),
    targets: targetsFrom(definition.targets),
    how: howFrom(definition),
    runners: definition.runners ?? [],
  };
}

function workDraft(work: ActionWork, kept: string[]): Partial<ActionDraft> {
  if (work.kind === "job") {
    return { kind: "job", work: workFrom(work.job) };
  }
  const texts = Object.fromEntries(
    Object.entries(work.parameters ?? {}).map(([name, value]) => [name, String(value)]),
  );
  return {
    kind: "script",
    script: {
      id: work.script_id,
      version: work.version ? String(work.version) : "",
      texts,
      fixed: [...Object.keys(texts), ...kept],
    },
  };
}

const nameOf = ({ name }: ParameterDraft) => name.trim();

/** The secrets that the action keeps, with what was typed. One that is asked for at each run need not be kept. */
export function askedSecrets(draft: ActionDraft, parameters: Parameter[]) {
  if (draft.kind === "script") {
    return fixedOf(draft, parameters)
      .filter(({ type }) => type === "secret")
      .map(({ name }) => ({ name, value: draft.script.texts[name] ?? "" }));
  }
  const open = openSecrets(draft);
  return workSecrets(draft.work).filter(({ name, value }) => value !== "" || !open.includes(name));
}

const openSecrets = ({ parameters }: ActionDraft) =>
  parameters.filter(({ type }) => type === "secret").map(nameOf);

const fixedOf = ({ script }: ActionDraft, parameters: Parameter[]) =>
  parameters.filter(({ name }) => script.fixed.includes(name));

/**
 * What is missing. `parameters` are those of the chosen script, absent while they are not known; `kept` are the names
 * of the secrets that the server has.
 */
export function missingAction(
  draft: ActionDraft,
  parameters: Parameter[] | undefined,
  kept: string[],
): string | undefined {
  return (
    (draft.name.trim() === "" ? "Give it a name" : undefined) ??
    (draft.kind === "job" ? missingJob(draft, kept) : missingScript(draft, parameters, kept)) ??
    missingTargets(draft.targets) ??
    missingHow(draft.how) ??
    sentSecrets(askedSecrets(draft, parameters ?? []), kept).missing
  );
}

function missingJob(draft: ActionDraft, kept: string[]): string | undefined {
  const unnamed = draft.parameters.some((parameter) => nameOf(parameter) === "");
  const lost = draft.parameters.find(({ id, type }) => type !== "secret" && !draft.places[id]);
  return (
    missingWork(draft.work, [...kept, ...openSecrets(draft)]) ??
    (unnamed ? "Give each open parameter a name" : undefined) ??
    (lost && `Choose the place that “${nameOf(lost)}” fills`)
  );
}

function missingScript(
  draft: ActionDraft,
  parameters: Parameter[] | undefined,
  kept: string[],
): string | undefined {
  if (draft.script.id === undefined) {
    return "Choose the script to run";
  }
  if (!parameters) {
    return "The script’s parameters are not loaded yet";
  }
  // An empty text is a value of its own; of everything else nothing is nothing.
  const empty = fixedOf(draft, parameters).find(
    ({ name, type }) =>
      type !== "string" && !draft.script.texts[name] && !(type === "secret" && kept.includes(name)),
  );
  return empty && `Give the fixed value of “${empty.name}”, or have it asked for`;
}

/** Only what was said, so that it reads like what was chosen. */
export function toDefinition(draft: ActionDraft, parameters: Parameter[]): ActionDefinition {
  const { notBefore: _, ...how } = draft.how;
  const definition: ActionDefinition = {
    work: workOf(draft, parameters),
    targets: toTargets(draft.targets),
    ...toHow({ ...how, notBefore: "" }),
  };
  if (draft.kind === "job" && draft.parameters.length > 0) {
    definition.parameters = draft.parameters.map(parameterOf);
    const fills = draft.parameters.filter(({ type }) => type !== "secret");
    if (fills.length > 0) {
      definition.fills = Object.fromEntries(
        fills.map((parameter) => [nameOf(parameter), draft.places[parameter.id] ?? ""]),
      );
    }
  }
  if (draft.runners.length > 0) {
    definition.runners = draft.runners;
  }
  return definition;
}

function workOf(draft: ActionDraft, parameters: Parameter[]): ActionWork {
  if (draft.kind === "job") {
    return { kind: "job", job: toWork(draft.work).work };
  }
  const { id, version, texts } = draft.script;
  // Secret ones go beside the definition, where they are kept sealed.
  const fixed = fixedOf(draft, parameters).filter(({ type }) => type !== "secret");
  const values = {
    ...Object.fromEntries(fixed.filter(({ type }) => type === "string").map(({ name }) => [name, EMPTY])),
    ...toValues(fixed, texts),
  };
  return {
    kind: "script",
    script_id: id ?? 0,
    ...(version === "" ? {} : { version: Number(version) }),
    ...(Object.keys(values).length > 0 ? { parameters: values } : {}),
  };
}

/** What is fixed and left empty. The API's description cannot say that a value may be a text. */
const EMPTY = "" as unknown as ReturnType<typeof toValues>[string];

/** The whole request. Without `secrets`, those that are kept stay. */
export function toCreate(draft: ActionDraft, parameters: Parameter[], kept: string[]): ActionCreate {
  const { secrets } = sentSecrets(askedSecrets(draft, parameters), kept);
  return {
    name: draft.name.trim(),
    ...(draft.description.trim() === "" ? {} : { description: draft.description.trim() }),
    ...(draft.organization === undefined ? {} : { organization_id: draft.organization }),
    ...(draft.department === undefined ? {} : { department_id: draft.department }),
    definition: toDefinition(draft, parameters),
    ...(secrets ? { secrets } : {}),
  };
}

/** A definition as text, to be compared line by line: the same whoever wrote it. */
export const definitionText = (definition: ActionDefinition): string =>
  JSON.stringify(definition, inOrder, 2);

function inOrder(_: string, value: unknown): unknown {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
    : value;
}
