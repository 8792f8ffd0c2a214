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
import type { SavedAction } from "~/api/types";
import { useMissing, useSession } from "~/app/session";
import type { Action } from "~/ui/ActionMenu";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { toastDone } from "~/ui/toast";
import { scriptKey } from "../api";
import { CloneDialog, DeployDialog } from "./ActionDialogs";
import { actionKey } from "./api";
import { type ActionKnown, actionReasons } from "./rules";

type Known = SavedAction & ActionKnown;
type What = "clone" | "deploy" | "remove";

/** Everything that can be done with one action, for its row and for its page. */
export function useActionActions(onRemoved: () => void = () => {}) {
  const missing = useMissing();
  const { user } = useSession();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [asked, setAsked] = useState<{ what: What; action: Known }>();
  const close = () => setAsked(undefined);
  const reasons = (action: Known) => actionReasons(action, missing, user);

  const remove = useMutation({
    mutationFn: (action: SavedAction) =>
      answer(api.DELETE("/api/v1/actions/{id}", { params: { path: { id: action.id } } })),
    onSuccess: async (_, action) => {
      close();
      onRemoved();
      toastDone(`${action.name} is deleted`);
      client.removeQueries({ queryKey: [...actionKey, "show", action.id] });
      await Promise.all([
        client.invalidateQueries({ queryKey: actionKey }),
        client.invalidateQueries({ queryKey: scriptKey }),
      ]);
    },
  });
  const ask = (what: What, action: Known) => {
    remove.reset();
    setAsked({ what, action });
  };
  const run = ({ id }: SavedAction, draft?: "1") =>
    void navigate({ to: "/actions/$actionId/run", params: { actionId: String(id) }, search: { draft } });
  const edit = ({ id }: SavedAction) =>
    void navigate({ to: "/actions/$actionId/edit", params: { actionId: String(id) } });

  const actions = (action: Known): (Action | "divider")[] => {
    const why = reasons(action);
    return [
      { label: "Run", icon: IconPlayerPlay, reason: why.run, onSelect: () => run(action) },
      { label: "Try the draft", icon: IconFlask, reason: why.tryDraft, onSelect: () => run(action, "1") },
      {
        label: "Schedule",
        icon: IconCalendarTime,
        reason: why.schedule,
        onSelect: () => void navigate({ to: "/schedules/new", search: { action: String(action.id) } }),
      },
      "divider",
      { label: "Edit", icon: IconPencil, reason: why.edit, onSelect: () => edit(action) },
      { label: "Deploy", icon: IconRocket, reason: why.deploy, onSelect: () => ask("deploy", action) },
      { label: "Clone", icon: IconCopy, reason: why.clone, onSelect: () => ask("clone", action) },
      {
        label: "View audit",
        icon: IconShieldCheck,
        reason: missing("audit.view"),
        onSelect: () => void navigate({ to: "/audit", search: { filter: [`object:action:${action.id}`] } }),
      },
      "divider",
      {
        label: "Delete",
        icon: IconTrash,
        danger: true,
        reason: why.remove,
        onSelect: () => ask("remove", action),
      },
    ];
  };

  const dialogs: ReactNode = (
    <>
      {asked?.what === "clone" && <CloneDialog action={asked.action} onClose={close} />}
      {asked?.what === "deploy" && <DeployDialog action={asked.action} onClose={close} />}
      <ConfirmDialog
        opened={asked?.what === "remove"}
        title={`Delete ${asked?.action.name ?? ""}`}
        confirmLabel="Delete"
        danger
        pending={remove.isPending}
        error={remove.error}
        onConfirm={() => asked && remove.mutate(asked.action)}
        onClose={close}
      >
        It is deleted with its draft and all of its versions. What it ran stays, and so does what the audit
        trail says of it.
      </ConfirmDialog>
    </>
  );
  return { actions, ask, run, edit, reasons, dialogs };
}
