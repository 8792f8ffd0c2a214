import {
  IconCalendarTime,
  IconCopy,
  IconFileExport,
  IconPencil,
  IconPlayerPlay,
  IconShieldCheck,
  IconTrash,
} from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { api } from "~/api/client";
import { answer } from "~/api/problem";
import type { SavedScript } from "~/api/types";
import { useMissing } from "~/app/session";
import type { Action } from "~/ui/ActionMenu";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { downloadText } from "~/ui/csv";
import { toastDone, toastProblem } from "~/ui/toast";
import { scriptKey, scriptOptions } from "./api";
import { fileName, writeScript } from "./files/write";
import { CloneDialog, RenameDialog } from "./ScriptDialogs";

type Asked = { what: "clone" | "rename" | "remove"; script: SavedScript };

/** Everything that can be done with one script, for its row and for its page. */
export function useScriptActions(onRemoved: () => void = () => {}) {
  const missing = useMissing();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  const manage = missing("scripts.manage");

  const remove = useMutation({
    mutationFn: (script: SavedScript) =>
      answer(api.DELETE("/api/v1/scripts/{id}", { params: { path: { id: script.id } } })),
    onSuccess: async (_, script) => {
      close();
      onRemoved();
      toastDone(`${script.name} is deleted`);
      client.removeQueries({ queryKey: [...scriptKey, "show", script.id] });
      await client.invalidateQueries({ queryKey: scriptKey });
    },
  });
  const ask = (what: Asked["what"], script: SavedScript) => {
    remove.reset();
    setAsked({ what, script });
  };

  const exported = useMutation({
    mutationFn: ({ id }: SavedScript) => client.fetchQuery({ ...scriptOptions(id), staleTime: 0 }),
    onSuccess: (script) => downloadText(fileName(script), writeScript(script), "text/plain;charset=utf-8"),
    onError: (error, { name }) => toastProblem(`${name} could not be exported`, error),
  });

  const actions = (script: SavedScript): (Action | "divider")[] => [
    {
      label: "Run",
      icon: IconPlayerPlay,
      reason: runReason(script, missing),
      onSelect: () =>
        void navigate({ to: "/scripts/$scriptId/run", params: { scriptId: String(script.id) } }),
    },
    {
      label: "Schedule",
      icon: IconCalendarTime,
      reason: runReason(script, missing),
      onSelect: () => void navigate({ to: "/schedules/new", search: { script: String(script.id) } }),
    },
    { label: "Clone", icon: IconCopy, reason: manage, onSelect: () => ask("clone", script) },
    { label: "Rename and describe", icon: IconPencil, reason: manage, onSelect: () => ask("rename", script) },
    { label: "Export as file", icon: IconFileExport, onSelect: () => exported.mutate(script) },
    {
      label: "View audit",
      icon: IconShieldCheck,
      reason: missing("audit.view"),
      onSelect: () => void navigate({ to: "/audit", search: { filter: [`object:script:${script.id}`] } }),
    },
    "divider",
    {
      label: "Delete",
      icon: IconTrash,
      danger: true,
      reason: manage,
      onSelect: () => ask("remove", script),
    },
  ];

  const dialogs: ReactNode = (
    <>
      {asked?.what === "clone" && <CloneDialog script={asked.script} onClose={close} />}
      {asked?.what === "rename" && <RenameDialog script={asked.script} onClose={close} />}
      <ConfirmDialog
        opened={asked?.what === "remove"}
        title={`Delete ${asked?.script.name ?? ""}`}
        confirmLabel="Delete"
        danger
        pending={remove.isPending}
        error={remove.error}
        onConfirm={() => asked && remove.mutate(asked.script)}
        onClose={close}
      >
        It is deleted with all of its versions. What it ran stays, and so does what the audit trail says of
        it.
      </ConfirmDialog>
    </>
  );
  return { actions, dialogs };
}

/** Why a script cannot be run, or nothing when it can. */
export function runReason(
  script: Pick<SavedScript, "kind">,
  missing: ReturnType<typeof useMissing>,
): string | undefined {
  return script.kind === "library"
    ? "A library is run by the scripts that link it"
    : (missing("scripts.manage") ?? missing("jobs.manage"));
}
