import { Stack } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer } from "~/api/problem";
import type { Execution } from "~/api/types";
import { useMissing } from "~/app/session";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { count } from "~/ui/format";
import { toastDone } from "~/ui/toast";
import { jobKey } from "./api";
import { CopyCommands } from "./CopyCommands";
import { executionReasons } from "./execution";
import { type RerunHosts, rerunCommand, rerunCount, rerunCurl } from "./rerun";

type Change = keyof ReturnType<typeof executionReasons>;

interface Words {
  title: string;
  label: string;
  text: (execution: Execution) => string;
}

const WORDS: Record<Change, Words> = {
  cancel: {
    title: "Cancel all that is not over",
    label: "Cancel all",
    text: () =>
      "What waits is not started, and what runs is stopped with its whole process tree. What has been done stays done.",
  },
  retry: {
    title: "Retry what failed",
    label: "Retry failed",
    text: (execution) =>
      `On ${hostsOf(execution, "failed")} it failed, timed out or became unknown: there it runs once more, as new attempts of the same jobs. What was cancelled stays so.`,
  },
  rerunFailed: {
    title: "Run again where it failed",
    label: "Run on failed hosts",
    text: (execution) =>
      `The same as a new execution, on ${hostsOf(execution, "failed")}: where it failed, timed out or became unknown, and not where it was cancelled.`,
  },
  rerunUnfinished: {
    title: "Run again where it did not complete",
    label: "Run on unfinished hosts",
    text: (execution) => {
      const cancelled = rerunCount(execution, "unfinished") - rerunCount(execution, "failed");
      return `The same as a new execution, on ${hostsOf(execution, "unfinished")}: where it failed, timed out or became unknown (${rerunCount(execution, "failed")}), and where it was cancelled (${cancelled}).`;
    },
  },
  rerunAll: {
    title: "Run again on all hosts",
    label: "Run on all hosts",
    text: (execution) =>
      `The same as a new execution, on all hosts of this one: ${rerunCount(execution, "all")}.`,
  },
};

/** Changes that make a new execution. */
const HOSTS: Partial<Record<Change, RerunHosts>> = {
  rerunFailed: "failed",
  rerunUnfinished: "unfinished",
  rerunAll: "all",
};

const hostsOf = (execution: Execution, hosts: RerunHosts): string =>
  count(rerunCount(execution, hosts), "host");

/** Asks before anything is changed; a new execution is shown when it is there. */
export function useExecutionActions(execution: Execution) {
  const missing = useMissing();
  const client = useQueryClient();
  const navigate = useNavigate();
  const intent = useIntent();
  const [asked, setAsked] = useState<Change>();
  const { id } = execution;
  const refresh = () => client.invalidateQueries({ queryKey: jobKey });
  const params = { path: { id } };

  const run = useMutation({
    mutationFn: async (change: Change): Promise<{ changed: number } | { execution: number }> => {
      if (change === "cancel") {
        return answer(api.POST("/api/v1/executions/{id}/cancel", { params }));
      }
      if (change === "retry") {
        return answer(api.POST("/api/v1/executions/{id}/retry", { params }));
      }
      const body: { hosts: RerunHosts } = { hosts: HOSTS[change] ?? "failed" };
      const headers = intent.headers({ id, ...body });
      const made = await answer(api.POST("/api/v1/executions/{id}/rerun", { params, body, headers }));
      return { execution: made.execution_id };
    },
    onSuccess: async (done, change) => {
      setAsked(undefined);
      intent.done();
      await refresh();
      if ("execution" in done) {
        toastDone(`Execution ${done.execution} runs it again`);
        await navigate({ to: "/executions/$executionId", params: { executionId: String(done.execution) } });
      } else {
        toastDone(
          `${count(done.changed, "job")}: ${change === "cancel" ? "asked to stop" : "queued once more"}`,
        );
      }
    },
  });
  const ask = (change: Change) => {
    run.reset();
    setAsked(change);
  };
  const words = asked && WORDS[asked];
  const hosts = asked && HOSTS[asked];
  const dialogs: ReactNode = (
    <ConfirmDialog
      opened={asked !== undefined}
      title={words?.title ?? ""}
      confirmLabel={words?.label ?? ""}
      danger={asked === "cancel"}
      pending={run.isPending}
      error={run.error}
      onConfirm={() => asked && run.mutate(asked)}
      onClose={() => setAsked(undefined)}
    >
      <Stack gap="md">
        <span>{words?.text(execution)}</span>
        {hosts && (
          <CopyCommands
            cliHint="Makes a new execution each time it is run."
            commands={{
              cli: rerunCommand(id, hosts),
              curl: rerunCurl(window.location.origin, id, hosts),
            }}
          />
        )}
      </Stack>
    </ConfirmDialog>
  );
  return { ask, reasons: executionReasons(execution, missing), dialogs };
}
