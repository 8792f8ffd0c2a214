/** How an execution is said: its progress, and what can be done with it now. */
import type { Execution, JobState, Permission } from "~/api/types";
import { count } from "~/ui/format";
import { Pill } from "~/ui/Pill";
import { type Part, StackedBar } from "~/ui/StackedBar";
import { amountText } from "./how";
import { STRANGER } from "./rules";
import { JOB_STATE, STATES } from "./words";

/** Ended first: the bar fills from the left. */
const ORDER: JobState[] = [
  "completed",
  "failed",
  "timeout",
  "unknown",
  "cancelled",
  "running",
  "pending",
  "queued",
];

/** How many of its jobs are in one of these states. */
export const jobsIn = (execution: Pick<Execution, "counts">, states: JobState[]): number =>
  states.reduce((sum, state) => sum + (execution.counts[state] ?? 0), 0);

export const FAILED: JobState[] = ["failed", "timeout", "unknown"];

export function parts(execution: Pick<Execution, "counts">): Part[] {
  return ORDER.map((state) => ({
    label: JOB_STATE[state].label,
    tone: JOB_STATE[state].tone,
    count: execution.counts[state] ?? 0,
  }));
}

export function Progress({ execution, large }: { execution: Execution; large?: boolean }) {
  return <StackedBar label="Jobs by state" parts={parts(execution)} large={large} />;
}

/** The worst that has happened, or what still goes on. */
export function ExecutionPill({ execution, large }: { execution: Execution; large?: boolean }) {
  const failed = jobsIn(execution, FAILED);
  if (!execution.finished) {
    const started = jobsIn(execution, STATES) > jobsIn(execution, ["queued"]);
    return (
      <Pill tone={started ? "busy" : "wait"} spin={started} large={large}>
        {started ? "Running" : "Queued"}
      </Pill>
    );
  }
  if (failed > 0) {
    return (
      <Pill tone="bad" large={large}>
        {count(failed, "host")} failed
      </Pill>
    );
  }
  return jobsIn(execution, ["cancelled"]) > 0 ? (
    <Pill tone="wait" large={large}>
      Cancelled
    </Pill>
  ) : (
    <Pill tone="good" large={large}>
      Completed
    </Pill>
  );
}

export interface ExecutionReasons {
  cancel: string | undefined;
  retry: string | undefined;
  rerunFailed: string | undefined;
  rerunUnfinished: string | undefined;
  rerunAll: string | undefined;
}

/** Why something cannot be done, by the same rules the server applies. */
export function executionReasons(
  execution: Pick<Execution, "counts" | "finished" | "may_repeat">,
  missing: (permission: Permission) => string | undefined,
): ExecutionReasons {
  const manage = missing("jobs.manage");
  const again = manage ?? (execution.may_repeat === false ? STRANGER : undefined);
  const failed = jobsIn(execution, FAILED) > 0 ? undefined : "No host failed, timed out or became unknown";
  return {
    cancel: manage ?? (execution.finished ? "All of its jobs are over" : undefined),
    retry: again ?? failed,
    rerunFailed: again ?? failed,
    rerunUnfinished:
      again ??
      (jobsIn(execution, ["cancelled"]) > 0 ? undefined : failed && `${failed}, and none was cancelled`),
    rerunAll: again ?? (jobsIn(execution, STATES) > 0 ? undefined : "All of its jobs were deleted"),
  };
}

/** Where a rolling execution stands. */
export function rollingText({
  rolling,
  finished,
}: Pick<Execution, "rolling" | "finished">): string | undefined {
  if (!rolling) {
    return undefined;
  }
  const { plan, batches, begun, stopped } = rolling;
  const size =
    "percent" in plan.batch ? `${amountText(plan.batch)} of the hosts` : `${count(plan.batch.hosts, "host")}`;
  const stop = plan.stop_after ? `; stops after ${amountText(plan.stop_after)} failed` : "";
  const pause = plan.pause_seconds ? `, ${plan.pause_seconds} s between them` : "";
  const where = stopped ? "stopped in" : finished ? "went through" : "in";
  return `${where} batch ${begun} of ${batches} (${size} at once${pause}${stop})`;
}
