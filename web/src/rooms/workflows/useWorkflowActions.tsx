import {
  IconCalendarTime,
  IconCopy,
  IconFlask,
  IconPencil,
  IconPlayerPlay,
  IconRocket,
  IconShieldCheck,
  IconTrash,
} from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { api } from "~/api/client";
import { answer } from "~/api/problem";
import type { Workflow, WorkflowProblem } from "~/api/types";
import { useMissing } from "~/app/session";
import type { Action } from "~/ui/ActionMenu";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { toastDone } from "~/ui/toast";
import { instanceKey, workflowKey } from "./api";
import { workflowReasons } from "./rules";
import { CloneDialog, PublishDialog, RenameDialog } from "./WorkflowDialogs";

type What = "publish" | "rename" | "clone" | "remove";

interface Options {
  onRemoved?: () => void;
  /** Why what is on the page is not what is saved. */
  unsaved?: string | undefined;
  /** What keeps the draft from being published. */
  onUnfit?: (problems: WorkflowProblem[]) => void;
}

/** Everything that can be done with one workflow, for its row and for its page. */
export function useWorkflowActions({ onRemoved = () => {}, unsaved, onUnfit }: Options = {}) {
  const missing = useMissing();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [asked, setAsked] = useState<{ what: What; workflow: Workflow }>();
  const close = () => setAsked(undefined);
  const reasons = (workflow: Workflow) => {
    const why = workflowReasons(workflow, missing);
    return { ...why, publish: why.edit ?? unsaved ?? why.publish, tryDraft: why.tryDraft ?? unsaved };
  };

  const remove = useMutation({
    mutationFn: (workflow: Workflow) =>
      answer(api.DELETE("/api/v1/workflows/{id}", { params: { path: { id: workflow.id } } })),
    onSuccess: async (_, workflow) => {
      close();
      onRemoved();
      toastDone(`${workflow.name} is deleted`);
      client.removeQueries({ queryKey: [...workflowKey, "show", workflow.id] });
      await Promise.all([
        client.invalidateQueries({ queryKey: workflowKey }),
        client.invalidateQueries({ queryKey: instanceKey }),
      ]);
    },
  });
  const ask = (what: What, workflow: Workflow) => {
    remove.reset();
    setAsked({ what, workflow });
  };
  const run = ({ id }: Workflow, draft?: "1") =>
    void navigate({
      to: "/workflows/$workflowId/run",
      params: { workflowId: String(id) },
      search: { draft },
    });

  const actions = (workflow: Workflow): (Action | "divider")[] => {
    const why = reasons(workflow);
    return [
      { label: "Run", icon: IconPlayerPlay, reason: why.run, onSelect: () => run(workflow) },
      {
        label: "Schedule",
        icon: IconCalendarTime,
        reason: missing("jobs.manage") ?? why.run,
        onSelect: () => void navigate({ to: "/schedules/new", search: { workflow: String(workflow.id) } }),
      },
      { label: "Try the draft", icon: IconFlask, reason: why.tryDraft, onSelect: () => run(workflow, "1") },
      "divider",
      { label: "Publish", icon: IconRocket, reason: why.publish, onSelect: () => ask("publish", workflow) },
      {
        label: "Rename and describe",
        icon: IconPencil,
        reason: why.edit,
        onSelect: () => ask("rename", workflow),
      },
      { label: "Clone", icon: IconCopy, reason: why.edit, onSelect: () => ask("clone", workflow) },
      {
        label: "View audit",
        icon: IconShieldCheck,
        reason: missing("audit.view"),
        onSelect: () =>
          void navigate({ to: "/audit", search: { filter: [`object:workflow:${workflow.id}`] } }),
      },
      "divider",
      {
        label: "Delete",
        icon: IconTrash,
        danger: true,
        reason: why.edit,
        onSelect: () => ask("remove", workflow),
      },
    ];
  };

  const dialogs: ReactNode = (
    <>
      {asked?.what === "publish" && (
        <PublishDialog workflow={asked.workflow} onRefused={onUnfit} onClose={close} />
      )}
      {asked?.what === "rename" && <RenameDialog workflow={asked.workflow} onClose={close} />}
      {asked?.what === "clone" && <CloneDialog workflow={asked.workflow} onClose={close} />}
      <ConfirmDialog
        opened={asked?.what === "remove"}
        title={`Delete ${asked?.workflow.name ?? ""}`}
        confirmLabel="Delete"
        danger
        pending={remove.isPending}
        error={remove.error}
        onConfirm={() => asked && remove.mutate(asked.workflow)}
        onClose={close}
      >
        It is deleted with its draft, all of its versions and its ended instances. The jobs that it ran stay,
        and so does what the audit trail says of it.
      </ConfirmDialog>
    </>
  );
  return { actions, ask, run, reasons, dialogs };
}
