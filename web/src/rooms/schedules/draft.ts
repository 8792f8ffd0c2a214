/** A schedule as it stands in the form, and the request that it becomes. */
import type {
  BlackoutTick,
  Missed,
  Overlap,
  Parameter,
  ParameterValue,
  Schedule,
  ScheduleCreate,
  ScheduleDefinition,
  ScheduledWork,
  ScheduleUpdate,
} from "~/api/types";
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
import { missingParameter, type ParameterTexts, toValues } from "~/rooms/scripts/parameters";
import { emptyScript, type SavedScriptDraft, textsOf } from "~/rooms/scripts/saved/draft";
import { dateTime } from "~/ui/format";

/** The kinds of work that this form knows. */
export type WorkKind = "job" | "script" | "action" | "workflow";

/** What says itself how it runs, and on which hosts. */
export const hasOwnWay = (kind: string): boolean => kind === "action" || kind === "workflow";

/** Whether the form asks for hosts: a workflow may run on others than its own. */
export const asksHosts = ({ kind, ownHosts }: Pick<ScheduleDraft, "kind" | "ownHosts">): boolean =>
  kind === "workflow" ? !ownHosts : !hasOwnWay(kind);

/** An action or a workflow with values for what it asks. */
export type SavedActionDraft = Omit<SavedScriptDraft, "version">;

export const emptySavedAction = (id?: number): SavedActionDraft => ({ id, texts: {}, withDefaults: true });

export interface ScheduleDraft {
  name: string;
  description: string;
  organization: number | undefined;
  department: number | undefined;
  kind: WorkKind;
  work: WorkDraft;
  script: SavedScriptDraft;
  action: SavedActionDraft;
  workflow: SavedActionDraft;
  /** Of a workflow: that its hosts are those that it names itself. */
  ownHosts: boolean;
  targets: TargetDraft;
  how: HowDraft;
  cron: string;
  zone: string;
  missed: Missed;
  overlap: Overlap;
  maxRuns: string;
  /** As a date input writes it: the viewer's local time. */
  endsAt: string;
  /** Id of the blackout calendar; empty for none. */
  calendar: string;
  blackoutTick: BlackoutTick;
}

interface Named {
  script?: number | undefined;
  action?: number | undefined;
  workflow?: number | undefined;
}

function kindOf({ script, action, workflow }: Named): WorkKind {
  if (script !== undefined) {
    return "script";
  }
  if (action !== undefined) {
    return "action";
  }
  return workflow === undefined ? "job" : "workflow";
}

export function emptySchedule(named: Named = {}): ScheduleDraft {
  return {
    name: "",
    description: "",
    organization: undefined,
    department: undefined,
    kind: kindOf(named),
    work: emptyWork(),
    script: emptyScript(named.script),
    action: emptySavedAction(named.action),
    workflow: emptySavedAction(named.workflow),
    ownHosts: true,
    targets: emptyTargets(),
    how: emptyHow(),
    cron: "",
    zone: "UTC",
    missed: "skip",
    overlap: "skip",
    maxRuns: "",
    endsAt: "",
    calendar: "",
    blackoutTick: "wait",
  };
}

export function draftOf(schedule: Schedule): ScheduleDraft {
  const { definition } = schedule;
  return {
    ...emptySchedule(),
    ...workDraft(definition.work),
    name: schedule.name,
    description: schedule.description,
    organization: schedule.organization_id ?? undefined,
    department: schedule.department_id ?? undefined,
    ownHosts: !namesHosts(definition),
    targets: targetsFrom(definition.targets ?? {}),
    how: howFrom(definition),
    cron: definition.cron,
    zone: definition.zone ?? "UTC",
    missed: definition.missed ?? "skip",
    overlap: definition.overlap ?? "skip",
    maxRuns: definition.max_runs ? String(definition.max_runs) : "",
    endsAt: definition.ends_at ? dateTime(definition.ends_at).replace(" ", "T") : "",
    calendar: definition.blackout ? String(definition.blackout.calendar_id) : "",
    blackoutTick: definition.blackout?.tick ?? "wait",
  };
}

/** Whether it says itself on which hosts. */
export const namesHosts = ({ targets }: Pick<ScheduleDefinition, "targets">): boolean =>
  Object.keys(targets ?? {}).length > 0;

function workDraft(work: ScheduledWork): Partial<ScheduleDraft> {
  switch (work.kind) {
    case "job":
      return { kind: "job", work: workFrom(work.job) };
    case "script":
      return {
        kind: "script",
        script: {
          id: work.script_id,
          version: work.version ? String(work.version) : "",
          texts: textsFrom(work.parameters),
          withDefaults: false,
        },
      };
    case "action":
      return {
        kind: "action",
        action: { id: work.action_id, texts: textsFrom(work.parameters), withDefaults: false },
      };
    case "workflow":
      return {
        kind: "workflow",
        workflow: { id: work.workflow_id, texts: textsFrom(work.inputs), withDefaults: false },
      };
    default:
      return {};
  }
}

const textsFrom = (values: Record<string, ParameterValue> = {}): ParameterTexts =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));

/** What of it has parameters of its own. */
function saved({ kind, script, action, workflow }: ScheduleDraft) {
  return kind === "action" ? action : kind === "workflow" ? workflow : script;
}

/** The secrets that the work asks for, with what was typed. */
export function askedSecrets(draft: ScheduleDraft, parameters: Parameter[]) {
  return draft.kind === "job"
    ? workSecrets(draft.work)
    : parameters
        .filter(({ type }) => type === "secret")
        .map(({ name }) => ({ name, value: saved(draft).texts[name] ?? "" }));
}

/**
 * What is missing. `parameters` are those of the chosen script or action, absent while they are not known; `kept` are the names
 * of the secrets that the server has.
 */
export function missingSchedule(
  draft: ScheduleDraft,
  parameters: Parameter[] | undefined,
  kept: string[],
): string | undefined {
  return (
    missingName(draft) ??
    missingWhat(draft, parameters, kept) ??
    (asksHosts(draft) ? missingTargets(draft.targets) : undefined) ??
    (draft.cron.trim() === "" ? "Say when: give a cron expression" : undefined) ??
    missingLimits(draft) ??
    (hasOwnWay(draft.kind) ? undefined : missingHow(draft.how)) ??
    sentSecrets(askedSecrets(draft, parameters ?? []), kept).missing
  );
}

export const missingName = ({ name }: Pick<ScheduleDraft, "name">): string | undefined =>
  name.trim() === "" ? "Give it a name" : undefined;

function missingWhat(
  draft: ScheduleDraft,
  parameters: Parameter[] | undefined,
  kept: string[],
): string | undefined {
  if (draft.kind === "job") {
    return missingWork(draft.work, kept);
  }
  if (saved(draft).id === undefined) {
    return `Choose the ${draft.kind} to run`;
  }
  if (!parameters) {
    return `What the ${draft.kind} asks for is not loaded yet`;
  }
  const open = parameters.filter(({ name, type }) => type !== "secret" || !kept.includes(name));
  return missingParameter(open, textsOf(saved(draft), parameters));
}

function missingLimits({ maxRuns, endsAt }: ScheduleDraft): string | undefined {
  if (maxRuns.trim() !== "" && !/^[1-9]\d*$/.test(maxRuns.trim())) {
    return "The number of runs is a whole number, at least 1";
  }
  return endsAt !== "" && Number.isNaN(Date.parse(endsAt)) ? "The end is not a time" : undefined;
}

/** Only what was said, so that it reads like what was chosen. */
export function toDefinition(draft: ScheduleDraft, parameters: Parameter[]): ScheduleDefinition {
  const definition: ScheduleDefinition = {
    cron: draft.cron.trim(),
    zone: draft.zone,
    missed: draft.missed,
    overlap: draft.overlap,
    work: scheduledWork(draft, parameters),
    ...(asksHosts(draft) ? { targets: toTargets(draft.targets) } : {}),
    ...(hasOwnWay(draft.kind) ? {} : toHow({ ...draft.how, notBefore: "" })),
  };
  if (draft.maxRuns.trim() !== "") {
    definition.max_runs = Number(draft.maxRuns);
  }
  if (draft.endsAt !== "") {
    definition.ends_at = new Date(draft.endsAt).toISOString();
  }
  if (draft.calendar !== "") {
    definition.blackout = { calendar_id: Number(draft.calendar), tick: draft.blackoutTick };
  }
  return definition;
}

function scheduledWork(draft: ScheduleDraft, parameters: Parameter[]): ScheduledWork {
  const { kind, work, script, action, workflow } = draft;
  if (kind === "job") {
    return { kind, job: toWork(work).work };
  }
  // Secret ones go beside the definition, where they are kept sealed.
  const open = parameters.filter(({ type }) => type !== "secret");
  const values = toValues(open, textsOf(saved(draft), parameters));
  const some = Object.keys(values).length > 0;
  if (kind === "workflow") {
    return { kind, workflow_id: workflow.id ?? 0, ...(some ? { inputs: values } : {}) };
  }
  const given = some ? { parameters: values } : {};
  return kind === "action"
    ? { kind, action_id: action.id ?? 0, ...given }
    : {
        kind,
        script_id: script.id ?? 0,
        ...(script.version === "" ? {} : { version: Number(script.version) }),
        ...given,
      };
}

/** The whole request. Without `secrets`, those that are kept stay. */
export function toCreate(
  draft: ScheduleDraft,
  parameters: Parameter[],
  kept: string[],
  paused: boolean,
): ScheduleCreate {
  const { secrets } = sentSecrets(askedSecrets(draft, parameters), kept);
  return {
    name: draft.name.trim(),
    ...(draft.description.trim() === "" ? {} : { description: draft.description.trim() }),
    ...(draft.organization === undefined ? {} : { organization_id: draft.organization }),
    ...(draft.department === undefined ? {} : { department_id: draft.department }),
    definition: toDefinition(draft, parameters),
    ...(secrets ? { secrets } : {}),
    ...(paused ? { paused } : {}),
  };
}

/**
 * Whether the form says something else than at its start of what is done, when, where and with which secrets. Whoever
 * saves that becomes the owner.
 */
export function isRedefined(draft: ScheduleDraft, start: ScheduleDraft, parameters: Parameter[]): boolean {
  return (
    missingLimits(draft) !== undefined ||
    !same(toDefinition(draft, parameters), toDefinition(start, parameters)) ||
    askedSecrets(draft, parameters).some(({ value }) => value !== "")
  );
}

/** Only what was changed: what is absent stays. */
export function toUpdate(
  draft: ScheduleDraft,
  start: ScheduleDraft,
  parameters: Parameter[],
  schedule: Pick<Schedule, "definition" | "secrets">,
): ScheduleUpdate {
  const {
    name,
    description = "",
    definition,
    secrets,
  } = toCreate(draft, parameters, schedule.secrets, false);
  return {
    ...(name === start.name ? {} : { name }),
    ...(description === start.description.trim() ? {} : { description }),
    ...(isRedefined(draft, start, parameters)
      ? {
          definition: withKept(definition, toDefinition(start, parameters), schedule.definition),
          ...(secrets ? { secrets } : {}),
        }
      : {}),
  };
}

/** Work and hosts that were not touched go back as they came: with others, the server keeps no secret. */
function withKept(
  wanted: ScheduleDefinition,
  start: ScheduleDefinition,
  known: ScheduleDefinition,
): ScheduleDefinition {
  return {
    ...wanted,
    ...(same(wanted.work, start.work) ? { work: known.work } : {}),
    ...(wanted.targets && known.targets && same(wanted.targets, start.targets)
      ? { targets: known.targets }
      : {}),
  };
}

/** Both were made in the same way, so that their parts stand in the same order. */
const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
