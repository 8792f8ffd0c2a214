import { Stack } from "@mantine/core";
import {
  IconListDetails,
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlayerTrackNext,
  IconRotateClockwise,
  IconShieldCheck,
  IconTrash,
} from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer } from "~/api/problem";
import type { Schedule } from "~/api/types";
import { useMissing } from "~/app/session";
import { jobKey } from "~/rooms/jobs/api";
import { CopyCommands } from "~/rooms/jobs/CopyCommands";
import { instanceKey } from "~/rooms/workflows/api";
import type { Action } from "~/ui/ActionMenu";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { count } from "~/ui/format";
import { toastDone, toastProblem } from "~/ui/toast";
import { scheduleKey } from "./api";
import { scheduleReasons } from "./rules";
import { runNowCommand, runNowCurl } from "./runNow";
import { scheduledTargets } from "./work";

type What = "run" | "pause" | "resume" | "remove";
interface Change {
  what: What;
  schedule: Schedule;
}

/** What there is something to think about. A pause leaves it whose it was, and is taken back as easily. */
interface Asked extends Change {
  what: "run" | "remove";
}

/** Everything that can be done with one schedule, for its row and for its page. */
export function useScheduleActions(onRemoved: () => void = () => {}) {
  const missing = useMissing();
  const navigate = useNavigate();
  const client = useQueryClient();
  const intent = useIntent();
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  const reasons = (schedule: Schedule) => scheduleReasons(schedule, missing);

  const change = useMutation({
    mutationFn: ({ what, schedule }: Change) => carryOut(what, schedule.id, intent.headers([what, schedule])),
    onSuccess: async (said, { what, schedule }) => {
      intent.done();
      close();
      if (what === "remove") {
        onRemoved();
        client.removeQueries({ queryKey: [...scheduleKey, "show", schedule.id] });
      }
      toastDone(`${schedule.name} ${said}`);
      await Promise.all([
        client.invalidateQueries({ queryKey: scheduleKey }),
        what === "run" ? client.invalidateQueries({ queryKey: jobKey }) : undefined,
        what === "run" ? client.invalidateQueries({ queryKey: instanceKey }) : undefined,
      ]);
    },
    onError: (error, asking) => {
      // In a dialog it is shown there.
      if (asked === undefined) {
        toastProblem(`${asking.schedule.name} stays as it is`, error);
      }
    },
  });

  const ask = (what: What, schedule: Schedule) => {
    change.reset();
    if (what === "run" || what === "remove") {
      setAsked({ what, schedule });
    } else {
      change.mutate({ what, schedule });
    }
  };

  const filtered = (to: "/jobs" | "/executions", { id }: Schedule) =>
    void navigate({ to, search: { filter: [`schedule:${id}`] } });

  const actions = (schedule: Schedule): (Action | "divider")[] => {
    const why = reasons(schedule);
    const instances =
      schedule.definition.work.kind === "workflow" ? "Its ticks start instances of a workflow" : undefined;
    return [
      { label: "Run now", icon: IconPlayerPlay, reason: why.run, onSelect: () => ask("run", schedule) },
      { label: "Pause", icon: IconPlayerPause, reason: why.pause, onSelect: () => ask("pause", schedule) },
      {
        label: "Resume",
        icon: IconRotateClockwise,
        reason: why.resume,
        onSelect: () => ask("resume", schedule),
      },
      {
        label: "Edit",
        icon: IconPencil,
        reason: why.edit,
        onSelect: () =>
          void navigate({ to: "/schedules/$scheduleId/edit", params: { scheduleId: String(schedule.id) } }),
      },
      "divider",
      {
        label: "Its executions",
        icon: IconPlayerTrackNext,
        reason: instances,
        onSelect: () => filtered("/executions", schedule),
      },
      {
        label: "Its jobs",
        icon: IconListDetails,
        reason: instances,
        onSelect: () => filtered("/jobs", schedule),
      },
      {
        label: "View audit",
        icon: IconShieldCheck,
        reason: missing("audit.view"),
        onSelect: () =>
          void navigate({ to: "/audit", search: { filter: [`object:schedule:${schedule.id}`] } }),
      },
      "divider",
      {
        label: "Delete",
        icon: IconTrash,
        danger: true,
        reason: why.remove,
        onSelect: () => ask("remove", schedule),
      },
    ];
  };

  const dialogs: ReactNode = asked && (
    <ConfirmDialog
      opened
      title={asked.what === "run" ? `Run ${asked.schedule.name} now` : `Delete ${asked.schedule.name}`}
      confirmLabel={asked.what === "run" ? "Run now" : "Delete"}
      danger={asked.what === "remove"}
      pending={change.isPending}
      error={change.error}
      onConfirm={() => change.mutate(asked)}
      onClose={close}
    >
      <Stack gap="md">
        <span>{explained(asked)}</span>
        {asked.what === "run" && (
          <CopyCommands
            cliHint="Runs it each time it is run."
            commands={{
              cli: runNowCommand(asked.schedule),
              curl: runNowCurl(window.location.origin, asked.schedule),
            }}
          />
        )}
      </Stack>
    </ConfirmDialog>
  );
  return { actions, ask, reasons, pending: change.isPending, dialogs };
}

function explained({ what, schedule }: Asked): string {
  return what === "run"
    ? `It runs once, besides its ticks, on: ${scheduledTargets(schedule.definition)}. It runs on the account of ${schedule.owner}, and asks no blackout calendar.`
    : "It ticks no more. What it ran stays, and so does what the audit trail says of it.";
}

/** Gives what is to be said of the schedule afterwards. */
async function carryOut(what: What, id: number, headers: { "Idempotency-Key": string }): Promise<string> {
  const params = { path: { id } };
  switch (what) {
    case "run": {
      const {
        execution_id: execution,
        instance_id: instance,
        jobs,
      } = await answer(api.POST("/api/v1/schedules/{id}/run", { params, headers }));
      return instance
        ? `runs: instance ${instance}`
        : `runs: execution ${execution} on ${count(jobs.length, "host")}`;
    }
    case "remove":
      await answer(api.DELETE("/api/v1/schedules/{id}", { params }));
      return "is deleted";
    default:
      await answer(api.PATCH("/api/v1/schedules/{id}", { params, body: { paused: what === "pause" } }));
      return what === "pause" ? "is paused" : "goes on";
  }
}
