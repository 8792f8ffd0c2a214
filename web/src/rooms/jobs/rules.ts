/** What can be done with a job now, and if not, why: the same rules the server applies. */
import type { Job, JobDetail, Permission } from "~/api/types";

type Missing = (permission: Permission) => string | undefined;
type Facts = Pick<Job, "state" | "cancel_requested"> & Repeating;

/** What only the page of a job or an execution is told: whether its action, if any, is for the caller, too. */
export type Repeating = Partial<Pick<JobDetail, "may_repeat">>;

export const STRANGER = "It is of an action that is for others: you are not among those who may run it";

export interface JobReasons {
  cancel: string | undefined;
  retry: string | undefined;
  remove: string | undefined;
  again: string | undefined;
}

export function jobReasons(job: Facts, missing: Missing): JobReasons {
  const manage = missing("jobs.manage");
  return {
    cancel: manage ?? cancelReason(job),
    retry: manage ?? retryReason(job) ?? (job.may_repeat === false ? STRANGER : undefined),
    remove: manage ?? removeReason(job),
    again: manage,
  };
}

function cancelReason({ state, cancel_requested }: Facts): string | undefined {
  if (!["queued", "pending", "running"].includes(state)) {
    return `It is ${state}: only queued, pending and running jobs can be cancelled`;
  }
  return cancel_requested ? "It is being cancelled: the agent has been asked" : undefined;
}

function retryReason({ state }: Facts): string | undefined {
  return ["failed", "timeout", "unknown"].includes(state)
    ? undefined
    : `It is ${state}: only failed, timeout and unknown jobs can be retried`;
}

function removeReason({ state }: Facts): string | undefined {
  return ["completed", "failed", "cancelled", "unknown"].includes(state)
    ? undefined
    : `It is ${state}: only completed, failed, cancelled and unknown jobs can be deleted`;
}
