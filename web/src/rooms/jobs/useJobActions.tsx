import { IconPlayerPlay, IconPlayerStop, IconRepeat, IconTrash } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { api } from "~/api/client";
import { ApiProblem, answer, asProblem } from "~/api/problem";
import type { Job } from "~/api/types";
import { useMissing } from "~/app/session";
import type { Action } from "~/ui/ActionMenu";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { count } from "~/ui/format";
import { toastDone, toastProblem } from "~/ui/toast";
import { jobKey } from "./api";
import { type JobReasons, jobReasons, type Repeating } from "./rules";

type Change = "cancel" | "retry" | "remove";

const DONE: Record<Change, string> = {
  cancel: "The agent is asked to stop",
  retry: "A new attempt is queued",
  remove: "Deleted",
};

const TITLE: Record<Change, string> = { cancel: "Cancel", retry: "Retry", remove: "Delete" };

const EXPLAINED: Record<Change, string> = {
  cancel: "Its whole process tree on the host is killed. What it has done by then stays done.",
  retry: "It runs once more on the same host, as a new attempt of the same job.",
  remove: "The job and its output are removed. The audit trail keeps its digest.",
};

interface JobActions {
  actions: (job: Job) => (Action | "divider")[];
  /** Asks first, then does it to every one of them that allows it. */
  ask: (change: Change, jobs: Job[]) => void;
  reasons: (job: Job & Repeating) => JobReasons;
  pending: boolean;
  dialogs: ReactNode;
}

export function useJobActions(onRemoved: () => void = () => {}): JobActions {
  const missing = useMissing();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [asked, setAsked] = useState<{ change: Change; jobs: Job[] }>();
  const reasons = (job: Job & Repeating) => jobReasons(job, missing);

  const run = useMutation({
    mutationFn: async ({ change, jobs }: { change: Change; jobs: Job[] }) => {
      const failed: { job: Job; error: ApiProblem }[] = [];
      for (const job of jobs) {
        try {
          await apply(change, job.id);
        } catch (error) {
          failed.push({ job, error: asProblem(error) });
        }
      }
      if (failed.length > 0) {
        throw summary(failed, jobs.length);
      }
    },
    onSuccess: (_, { change, jobs }) => {
      toastDone(
        jobs.length === 1
          ? `Job ${jobs[0]?.id}: ${DONE[change]}`
          : `${count(jobs.length, "job")}: ${DONE[change]}`,
      );
      if (change === "remove") {
        onRemoved();
      }
    },
    onError: (error) => toastProblem("Not everything could be done", error),
    onSettled: async () => {
      setAsked(undefined);
      await client.invalidateQueries({ queryKey: jobKey });
    },
  });

  const ask = (change: Change, jobs: Job[]) => setAsked({ change, jobs });
  const actions = (job: Job): (Action | "divider")[] => {
    const why = reasons(job);
    return [
      { label: "Cancel", icon: IconPlayerStop, reason: why.cancel, onSelect: () => ask("cancel", [job]) },
      {
        label: "Retry",
        icon: IconRepeat,
        reason: why.retry,
        onSelect: () => ask("retry", [job]),
      },
      {
        label: "Run again",
        icon: IconPlayerPlay,
        reason: why.again,
        onSelect: () => void navigate({ to: "/jobs/new", search: { from: String(job.id) } }),
      },
      "divider",
      {
        label: "Delete",
        icon: IconTrash,
        danger: true,
        reason: why.remove,
        onSelect: () => ask("remove", [job]),
      },
    ];
  };

  const what =
    asked && (asked.jobs.length === 1 ? `job ${asked.jobs[0]?.id}` : count(asked.jobs.length, "job"));
  const dialogs = (
    <ConfirmDialog
      opened={asked !== undefined}
      title={asked ? `${TITLE[asked.change]} ${what}` : ""}
      confirmLabel={asked ? `${TITLE[asked.change]} ${what}` : ""}
      danger={asked?.change !== "retry"}
      pending={run.isPending}
      onConfirm={() => asked && run.mutate(asked)}
      onClose={() => setAsked(undefined)}
    >
      {asked && EXPLAINED[asked.change]}
    </ConfirmDialog>
  );
  return { actions, ask, reasons, pending: run.isPending, dialogs };
}

async function apply(change: Change, id: number): Promise<void> {
  const params = { path: { id } };
  switch (change) {
    case "cancel":
      await answer(api.POST("/api/v1/jobs/{id}/cancel", { params }));
      break;
    case "retry":
      await answer(api.POST("/api/v1/jobs/{id}/retry", { params }));
      break;
    case "remove":
      await answer(api.DELETE("/api/v1/jobs/{id}", { params }));
      break;
  }
}

function summary(failed: { job: Job; error: ApiProblem }[], all: number): ApiProblem {
  const first = failed[0];
  if (!first || (failed.length === 1 && all === 1)) {
    return first?.error ?? asProblem(undefined);
  }
  return new ApiProblem({
    ...first.error.problem,
    detail: `${failed.length} of ${all} failed. Job ${first.job.id}: ${first.error.problem.detail}`,
  });
}
