import { Modal, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer } from "~/api/problem";
import type { SavedAction } from "~/api/types";
import { toastDone } from "~/ui/toast";
import { scriptKey } from "../api";
import { DialogForm, Name } from "../ScriptDialogs";
import { actionKey } from "./api";

interface ActionDialogProps {
  action: SavedAction;
  onClose: () => void;
}

export function CloneDialog({ action, onClose }: ActionDialogProps) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const intent = useIntent();
  const [name, setName] = useState(`${action.name}-copy`);
  const clone = useMutation({
    mutationFn: (body: { name: string }) =>
      answer(
        api.POST("/api/v1/actions/{id}/clone", {
          params: { path: { id: action.id } },
          body,
          headers: intent.headers({ id: action.id, ...body }),
        }),
      ),
    onSuccess: async (made) => {
      intent.done();
      onClose();
      toastDone(`${made.name} is a copy of the draft of ${action.name}`);
      await client.invalidateQueries({ queryKey: actionKey });
      await navigate({ to: "/actions/$actionId", params: { actionId: String(made.id) } });
    },
  });
  return (
    <Modal opened onClose={onClose} title={`Clone ${action.name}`} size="md">
      <DialogForm
        submitLabel="Clone"
        pending={clone.isPending}
        error={clone.error}
        onChange={() => clone.error && clone.reset()}
        onClose={onClose}
        onSubmit={() => clone.mutate({ name: name.trim() })}
      >
        {(errors) => <Name value={name} error={errors.name} onChange={setName} />}
      </DialogForm>
    </Modal>
  );
}

/** What the draft says becomes what runs. */
export function DeployDialog({ action, onClose }: ActionDialogProps) {
  const client = useQueryClient();
  const intent = useIntent();
  const [message, setMessage] = useState("");
  const deploy = useMutation({
    mutationFn: (body: { message: string }) =>
      answer(
        api.POST("/api/v1/actions/{id}/deploy", {
          params: { path: { id: action.id } },
          body,
          headers: intent.headers({ id: action.id, at: action.updated_at, ...body }),
        }),
      ),
    onSuccess: async ({ name, version }) => {
      intent.done();
      onClose();
      toastDone(`${name} runs as version ${version}`);
      await Promise.all([
        client.invalidateQueries({ queryKey: actionKey }),
        // What its script is used by.
        client.invalidateQueries({ queryKey: scriptKey }),
      ]);
    },
  });
  return (
    <Modal opened onClose={onClose} title={`Deploy ${action.name}`} size="md">
      <DialogForm
        submitLabel="Deploy"
        pending={deploy.isPending}
        error={deploy.error}
        onChange={() => deploy.error && deploy.reset()}
        onClose={onClose}
        onSubmit={() => deploy.mutate({ message: message.trim() })}
      >
        {(errors) => (
          <>
            <div>
              The draft becomes version {(action.version ?? 0) + 1}, which runs from now on, by hand and on
              schedules. A script in it is run with your right to it, whoever runs the action.
            </div>
            <TextInput
              label="What this version is for"
              data-autofocus
              value={message}
              error={errors.message}
              onChange={(event) => setMessage(event.currentTarget.value)}
            />
          </>
        )}
      </DialogForm>
    </Modal>
  );
}
