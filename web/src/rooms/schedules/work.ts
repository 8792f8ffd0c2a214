/** What a schedule does, in a few words. */
import type { JobPayload, ScheduleDefinition, ScheduledWork } from "~/api/types";
import { targetWords } from "~/rooms/agents/targets";
import { JOB_TYPE, LANGUAGE } from "~/rooms/jobs/words";
import { shellLine } from "~/ui/shell";
import { hasOwnWay, namesHosts } from "./draft";

/** The type of its job, or that it is saved elsewhere. */
export function workKind(work: ScheduledWork): string {
  switch (work.kind) {
    case "job":
      return work.job.type;
    case "script":
      return "saved_script";
    case "action":
    case "workflow":
      return work.kind;
    default:
      return kindOf(work);
  }
}

/** A newer server may have kinds that are not known here. */
const kindOf = (work: unknown): string => String((work as { kind?: unknown }).kind);

export const WORK_KIND: Record<string, { label: string }> = {
  saved_script: { label: "Saved script" },
  action: { label: "Action" },
  workflow: { label: "Workflow" },
  ...Object.fromEntries(Object.entries(JOB_TYPE).map(([type, { label }]) => [type, { label }])),
};

/** As the server filters by them. */
export const WORK_KINDS: { value: ScheduledWork["kind"]; label: string }[] = [
  { value: "job", label: "Job" },
  { value: "script", label: "Saved script" },
  { value: "action", label: "Action" },
  { value: "workflow", label: "Workflow" },
];

/** Names by id, as far as they are known. */
export interface WorkNames {
  scripts: ReadonlyMap<number, string>;
  actions: ReadonlyMap<number, string>;
  workflows: ReadonlyMap<number, string>;
}

/** One line. */
export function workWords(work: ScheduledWork, { scripts, actions, workflows }: WorkNames): string {
  switch (work.kind) {
    case "job":
      return jobWords(work.job);
    case "script": {
      const name = scripts.get(work.script_id) ?? `Script ${work.script_id}`;
      return work.version ? `${name} (version ${work.version})` : name;
    }
    case "action":
      return actions.get(work.action_id) ?? `Action ${work.action_id}`;
    case "workflow":
      return workflows.get(work.workflow_id) ?? `Workflow ${work.workflow_id}`;
    default:
      return kindOf(work);
  }
}

function jobWords(job: JobPayload): string {
  switch (job.type) {
    case "command":
      return job.payload.shell ? (job.payload.argv[0] ?? "") : shellLine(job.payload.argv);
    case "script":
      return `${LANGUAGE[job.payload.language].label}: ${firstLine(job.payload.content)}`;
    default:
      return [JOB_TYPE[job.type].label, ...OBJECTS.flatMap((name) => textAt(job.payload, name))].join(" ");
  }
}

/** What the payloads call what they do and to what, in the order in which it is said. */
const OBJECTS = [
  "action",
  "tool",
  "method",
  "service",
  "name",
  "pid",
  "packages",
  "user",
  "group",
  "host",
  "url",
];

function textAt(payload: object, name: string): string[] {
  const value: unknown = (payload as Record<string, unknown>)[name];
  if (Array.isArray(value)) {
    return value.flatMap((entry: unknown) =>
      typeof entry === "object" && entry !== null && "name" in entry ? [String(entry.name)] : [],
    );
  }
  return typeof value === "string" || typeof value === "number" ? [String(value).replaceAll("_", " ")] : [];
}

/** The first that says something. */
function firstLine(content: string): string {
  const lines = content.split("\n").map((line) => line.trim());
  return lines.find((line) => line !== "" && !line.startsWith("#") && !line.startsWith("set -")) ?? "";
}

/** Where it runs, in a few words. */
export const scheduledTargets = ({ targets, work }: Pick<ScheduleDefinition, "targets" | "work">): string =>
  hasOwnWay(work.kind) && !namesHosts({ targets }) ? `as the ${work.kind} says` : targetWords(targets ?? {});
