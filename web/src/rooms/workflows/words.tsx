/** How the types of steps, the states of instances and what steps come to are said. */
import {
  IconArrowsSplit2,
  IconBolt,
  IconCircleCheck,
  IconCircleDashed,
  IconClock,
  IconClockPause,
  IconCode,
  IconHandStop,
  IconMessage,
  IconPencil,
  IconPlayerPause,
  IconQuestionMark,
  IconSitemap,
  IconTerminal2,
  IconUserCheck,
  IconWorldBolt,
  type TablerIcon,
} from "@tabler/icons-react";
import type {
  ApprovalType,
  Instance,
  InstanceState,
  StepCause,
  StepOutcome,
  StepRun,
  Workflow,
  WorkflowStep,
} from "~/api/types";
import { duration } from "~/ui/format";
import { useNow } from "~/ui/now";
import { Pill, type Tone } from "~/ui/Pill";
import classes from "./workflows.module.css";

interface StateWords {
  label: string;
  tone: Tone;
  icon?: TablerIcon;
}

export type StepType = WorkflowStep["type"];

export const STEP_TYPE: Record<StepType, { label: string; icon: TablerIcon }> = {
  script: { label: "Script", icon: IconCode },
  command: { label: "Command", icon: IconTerminal2 },
  http_request: { label: "HTTP request", icon: IconWorldBolt },
  action: { label: "Action", icon: IconBolt },
  approval: { label: "Approval", icon: IconUserCheck },
  conditional: { label: "Condition", icon: IconQuestionMark },
  delay: { label: "Delay", icon: IconClockPause },
  notify: { label: "Message", icon: IconMessage },
  parallel: { label: "Parallel", icon: IconArrowsSplit2 },
  workflow: { label: "Workflow", icon: IconSitemap },
};

/** A type by its name; one that this page does not know is said as it is. */
export function stepTypeWords(type: string): { label: string; icon: TablerIcon | undefined } {
  return Object.hasOwn(STEP_TYPE, type) ? STEP_TYPE[type as StepType] : { label: type, icon: undefined };
}

export function StepTypeText({ type }: { type: string }) {
  const { label, icon: Icon } = stepTypeWords(type);
  return (
    <span className={classes.type}>
      {Icon && <Icon size={15} stroke={1.5} aria-hidden />}
      {label}
    </span>
  );
}

export const APPROVAL_TYPE: Record<ApprovalType, string> = {
  singular: "one named user",
  one_of_many: "one of those who are asked",
  two_of_many: "two of those who are asked",
  all: "all who are asked",
  majority: "more than half of those who are asked",
};

export const INSTANCE_STATE: Record<InstanceState, StateWords> = {
  pending: { label: "Pending", tone: "wait", icon: IconClock },
  running: { label: "Running", tone: "busy" },
  paused: { label: "Paused", tone: "warn", icon: IconPlayerPause },
  completed: { label: "Completed", tone: "good" },
  failed: { label: "Failed", tone: "bad" },
  cancelled: { label: "Cancelled", tone: "wait", icon: IconHandStop },
};

const ENDS: InstanceState[] = ["completed", "failed", "cancelled"];
export const hasEnded = (state: InstanceState): boolean => ENDS.includes(state);

export function InstanceStatePill({ state, large }: { state: InstanceState; large?: boolean }) {
  const { label, tone, icon } = INSTANCE_STATE[state];
  return (
    <Pill tone={tone} icon={icon} large={large} spin={state === "running"}>
      {label}
    </Pill>
  );
}

const OUTCOME: Record<StepOutcome, StateWords> = {
  succeeded: { label: "Succeeded", tone: "good" },
  failed: { label: "Failed", tone: "bad" },
  cancelled: { label: "Cancelled", tone: "wait", icon: IconHandStop },
};

interface OutcomePillProps {
  run: Pick<StepRun, "outcome" | "approval_id" | "waits">;
}

export function OutcomePill({ run }: OutcomePillProps) {
  if (run.outcome) {
    const { label, tone, icon } = OUTCOME[run.outcome];
    return (
      <Pill tone={tone} icon={icon}>
        {label}
      </Pill>
    );
  }
  if (run.waits) {
    return (
      <Pill tone="warn" icon={IconPlayerPause}>
        Waits
      </Pill>
    );
  }
  return run.approval_id ? (
    <Pill tone="warn" icon={IconPlayerPause}>
      Waits for people
    </Pill>
  ) : (
    <Pill tone="busy" spin>
      Running
    </Pill>
  );
}

/** What led to a run of a step: `run 3 succeeded`. */
export function causeWords(cause: StepCause): string {
  if (cause === "start") {
    return "the start";
  }
  if (cause === "retry") {
    return "the instance was tried again";
  }
  if ("branch" in cause) {
    return `a branch of run ${cause.branch.of}`;
  }
  if ("success" in cause) {
    return `run ${cause.success.of} succeeded`;
  }
  if ("failure" in cause) {
    return `run ${cause.failure.of} failed`;
  }
  return "true" in cause ? `run ${cause.true.of} came to true` : `run ${cause.false.of} came to false`;
}

/** How long something took, or has been going on. */
export function Took({ from, to }: { from: string; to: string | null | undefined }) {
  const now = useNow();
  return <span className={classes.whole}>{duration((to ? Date.parse(to) : now) - Date.parse(from))}</span>;
}

export const versionWords = (version: Instance["version"]): string =>
  version === 0 ? "the draft" : `version ${version}`;

export function draftState({
  version,
  draft_differs: differs,
}: Pick<Workflow, "version" | "draft_differs">): StateWords & { help: string } {
  if (!version) {
    return {
      label: "Not published",
      tone: "wait",
      icon: IconCircleDashed,
      help: "It runs once its draft is published",
    };
  }
  return differs
    ? {
        label: "Draft differs",
        tone: "warn",
        icon: IconPencil,
        help: `Version ${version} runs until the draft is published`,
      }
    : {
        label: "Published",
        tone: "good",
        icon: IconCircleCheck,
        help: `The draft says what version ${version} says`,
      };
}
