/** How the states of a job are said and coloured, in one place. */
import {
  IconClock,
  IconClockX,
  IconCode,
  IconHandStop,
  IconHourglass,
  IconListSearch,
  IconPackage,
  IconSettingsBolt,
  IconTerminal2,
  IconUser,
  IconUsersGroup,
  IconWorldBolt,
  IconWorldSearch,
  type TablerIcon,
} from "@tabler/icons-react";
import type { Job, JobState, JobType, Language, Priority } from "~/api/types";
import { duration } from "~/ui/format";
import { useNow } from "~/ui/now";
import { Pill, type Tone } from "~/ui/Pill";
import classes from "./words.module.css";

export const JOB_STATE: Record<JobState, { label: string; tone: Tone; icon?: TablerIcon }> = {
  queued: { label: "Queued", tone: "wait", icon: IconClock },
  pending: { label: "Pending", tone: "wait", icon: IconHourglass },
  running: { label: "Running", tone: "busy" },
  completed: { label: "Completed", tone: "good" },
  failed: { label: "Failed", tone: "bad" },
  timeout: { label: "Timeout", tone: "warn", icon: IconClockX },
  cancelled: { label: "Cancelled", tone: "wait", icon: IconHandStop },
  unknown: { label: "Unknown", tone: "odd" },
};

export const PRIORITY: Record<Priority, { label: string }> = {
  critical: { label: "Critical" },
  high: { label: "High" },
  normal: { label: "Normal" },
};

interface JobTypeWords {
  label: string;
  icon: TablerIcon;
  help: string;
  /** What the server takes when none is given. */
  priority: Priority;
}

export const JOB_TYPE: Record<JobType, JobTypeWords> = {
  script: {
    label: "Script",
    icon: IconCode,
    help: "Code in Bash, Python or PowerShell, with parameters. Saved scripts have a page of their own.",
    priority: "normal",
  },
  command: {
    label: "Command",
    icon: IconTerminal2,
    help: "One program with its arguments, or one line for the shell.",
    priority: "normal",
  },
  service_control: {
    label: "Service",
    icon: IconSettingsBolt,
    help: "Starts, stops, restarts, enables or disables a service; tells its state before and after.",
    priority: "critical",
  },
  process_control: {
    label: "Process",
    icon: IconListSearch,
    help: "Lists processes, or ends them by id or exact name. Never process 1, the agent or what it descends from.",
    priority: "critical",
  },
  network_diagnostic: {
    label: "Network",
    icon: IconWorldSearch,
    help: "Asked by the agent itself, so it shows the network as the host sees it.",
    priority: "high",
  },
  software_install: {
    label: "Software",
    icon: IconPackage,
    help: "Installs, upgrades or removes packages with the host’s package manager; tells what changed.",
    priority: "normal",
  },
  user_control: {
    label: "User",
    icon: IconUser,
    help: "Local users of the host: create, delete, enable, disable, reset a password.",
    priority: "critical",
  },
  group_control: {
    label: "Group",
    icon: IconUsersGroup,
    help: "Local groups of the host and their members.",
    priority: "critical",
  },
  http_request: {
    label: "HTTP request",
    icon: IconWorldBolt,
    help: "Calls a system in the segment from the host. The certificate is checked; the agent’s policy may refuse addresses.",
    priority: "normal",
  },
};

export const JOB_TYPES = Object.keys(JOB_TYPE) as JobType[];

export const LANGUAGE: Record<Language, { label: string }> = {
  bash: { label: "Bash" },
  python: { label: "Python" },
  powershell: { label: "PowerShell" },
};

export const STATES = Object.keys(JOB_STATE) as JobState[];
const FINAL: JobState[] = ["completed", "failed", "timeout", "cancelled", "unknown"];
export const isFinal = (state: JobState): boolean => FINAL.includes(state);

export function JobStatePill({ state, large, title }: { state: JobState; large?: boolean; title?: string }) {
  const { label, tone, icon } = JOB_STATE[state];
  return (
    <Pill tone={tone} icon={icon} large={large} spin={state === "running"} title={title}>
      {label}
    </Pill>
  );
}

export function JobTypeText({ type }: { type: JobType }) {
  const { label, icon: Icon } = JOB_TYPE[type];
  return (
    <span className={classes.type}>
      <Icon size={15} stroke={1.5} aria-hidden />
      {label}
    </span>
  );
}

export function PriorityText({ priority }: { priority: Priority }) {
  return <span className={classes[priority]}>{PRIORITY[priority].label}</span>;
}

/** How long it ran, or has been running. */
export function JobDuration({ job }: { job: Pick<Job, "state" | "started_at" | "finished_at"> }) {
  const now = useNow();
  const milliseconds = durationMs(job, now);
  return milliseconds === undefined ? <span className="dim">–</span> : duration(milliseconds);
}

export function durationMs(
  job: Pick<Job, "state" | "started_at" | "finished_at">,
  now: number,
): number | undefined {
  if (!job.started_at) {
    return undefined;
  }
  const end = job.finished_at ? Date.parse(job.finished_at) : isFinal(job.state) ? undefined : now;
  return end === undefined ? undefined : end - Date.parse(job.started_at);
}

export function ExitCode({ code }: { code: number | null | undefined }) {
  if (code === null || code === undefined) {
    return <span className="dim">–</span>;
  }
  return <span className={code === 0 ? "mono" : `mono ${classes.nonzero}`}>{code}</span>;
}

const BY_ACTOR = /\bby (?:\w+:\d+ \([^()]*\) for )?user:\d+ \(([^()]+)\)/;

/** A reason of the server, with whoever it says did it as the person is called. */
export const withActorName = (text: string): string => text.replace(BY_ACTOR, "by $1");

const ACTOR = /^(?:\w+:\d+ \((.+)\) for )?\w+:\d+ \((.+)\)$/;

/** `user:5 (anna)` as the person is called, with what acted for them where something did; anything else as it is. */
export function actorName(actor: string): string {
  const [, through, name] = ACTOR.exec(actor) ?? [];
  return through === undefined ? (name ?? actor) : `${name}, through ${through}`;
}
