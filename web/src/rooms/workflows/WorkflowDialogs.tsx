import { Modal, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer } from "~/api/problem";
import type { Workflow, WorkflowCreate } from "~/api/types";
import { PlaceFields } from "~/rooms/agents/PlaceFields";
import { Description, DialogForm, Name } from "~/rooms/scripts/ScriptDialogs";
import { toastDone } from "~/ui/toast";
import { workflowKey } from "./api";
import { FIRST_LINES } from "./source";

/** Saves a first draft, and goes on to the editor. */
export function NewWorkflowDialog({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const intent = useIntent();
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [place, setPlace] = useState<{ organization?: number | undefined; department?: number | undefined }>(
    {},
  );
  const create = useMutation({
    mutationFn: (body: WorkflowCreate) =>
      answer(api.POST("/api/v1/workflows", { body, headers: intent.headers(body) })),
    onSuccess: async (made) => {
      intent.done();
      onClose();
      await client.invalidateQueries({ queryKey: workflowKey });
      await navigate({ to: "/workflows/$workflowId", params: { workflowId: String(made.id) } });
    },
  });
  return (
    <Modal opened onClose={onClose} title="New workflow" size="md">
      <DialogForm
        submitLabel="Create and write it"
        pending={create.isPending}
        error={create.error}
        onChange={() => create.error && create.reset()}
        onClose={onClose}
        onSubmit={() =>
          create.mutate({
            name: name.trim(),
            description: description.trim(),
            ...(place.organization === undefined ? {} : { organization_id: place.organization }),
            ...(place.department === undefined ? {} : { department_id: place.department }),
            source: FIRST_LINES,
          })
        }
      >
        {(errors) => (
          <>
            <Name value={name} error={errors.name} onChange={setName} />
            <Description value={description} error={errors.description} onChange={setDescription} />
            <PlaceFields
              tenantWide
              organization={place.organization}
              department={place.department}
              errors={{ organization: errors.organization_id, department: errors.department_id }}
              onChange={(organization, department) => setPlace({ organization, department })}
            />
          </>
        )}
      </DialogForm>
    </Modal>
  );
}

interface WorkflowDialogProps {
  workflow: Workflow;
  onClose: () => void;
}

export function RenameDialog({ workflow, onClose }: WorkflowDialogProps) {
  const client = useQueryClient();
  const [name, setName] = useState(workflow.name);
  const [description, setDescription] = useState(workflow.description);
  const save = useMutation({
    mutationFn: (body: { name: string; description: string }) =>
      answer(api.PATCH("/api/v1/workflows/{id}", { params: { path: { id: workflow.id } }, body })),
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: workflowKey });
      toastDone(`${saved.name} is saved`);
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title={`Rename ${workflow.name}`} size="md">
      <DialogForm
        submitLabel="Save"
        pending={save.isPending}
        error={save.error}
        onChange={() => save.error && save.reset()}
        onClose={onClose}
        onSubmit={() => save.mutate({ name: name.trim(), description: description.trim() })}
      >
        {(errors) => (
          <>
            <Name value={name} error={errors.name} onChange={setName} />
            <Description value={description} error={errors.description} onChange={setDescription} />
          </>
        )}
      </DialogForm>
    </Modal>
  );
}

export function CloneDialog({ workflow, onClose }: WorkflowDialogProps) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const intent = useIntent();
  const [name, setName] = useState(`${workflow.name}-copy`);
  const clone = useMutation({
    mutationFn: (body: { name: string }) =>
      answer(
        api.POST("/api/v1/workflows/{id}/clone", {
          params: { path: { id: workflow.id } },
          body,
          headers: intent.headers({ id: workflow.id, ...body }),
        }),
      ),
    onSuccess: async (made) => {
      intent.done();
      onClose();
      toastDone(`${made.name} is a copy of the draft of ${workflow.name}`);
      await client.invalidateQueries({ queryKey: workflowKey });
      await navigate({ to: "/workflows/$workflowId", params: { workflowId: String(made.id) } });
    },
  });
  return (
    <Modal opened onClose={onClose} title={`Clone ${workflow.name}`} size="md">
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
export function PublishDialog({ workflow, onClose }: WorkflowDialogProps) {
  const client = useQueryClient();
  const intent = useIntent();
  const [message, setMessage] = useState("");
  const publish = useMutation({
    mutationFn: (body: { message: string }) =>
      answer(
        api.POST("/api/v1/workflows/{id}/publish", {
          params: { path: { id: workflow.id } },
          body,
          headers: intent.headers({ id: workflow.id, at: workflow.updated_at, ...body }),
        }),
      ),
    onSuccess: async ({ name, version }) => {
      intent.done();
      onClose();
      toastDone(`${name} runs as version ${version}`);
      await client.invalidateQueries({ queryKey: workflowKey });
    },
  });
  return (
    <Modal opened onClose={onClose} title={`Publish ${workflow.name}`} size="md">
      <DialogForm
        submitLabel="Publish"
        pending={publish.isPending}
        error={publish.error}
        onChange={() => publish.error && publish.reset()}
        onClose={onClose}
        onSubmit={() => publish.mutate({ message: message.trim() })}
      >
        {(errors) => (
          <>
            <div>
              The draft becomes version {(workflow.version ?? 0) + 1}, which runs from now on. Instances that
              have begun keep the version they began with.
            </div>
            <TextInput
              label="What this version is for"
              data-autofocus
              maxLength={500}
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
