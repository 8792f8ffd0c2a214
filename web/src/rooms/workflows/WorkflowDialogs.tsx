import { Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer } from "~/api/problem";
import type { Workflow, WorkflowCreate } from "~/api/types";
import { PlaceFields } from "~/rooms/agents/PlaceFields";
import {
  CloneModal,
  Description,
  DialogForm,
  Name,
  ReleaseModal,
  RenameModal,
} from "~/rooms/scripts/saved/dialogs";
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
  const params = { path: { id: workflow.id } };
  return (
    <RenameModal
      of={workflow}
      send={(body) => answer(api.PATCH("/api/v1/workflows/{id}", { params, body }))}
      onSaved={() => client.invalidateQueries({ queryKey: workflowKey })}
      onClose={onClose}
    />
  );
}

export function CloneDialog({ workflow, onClose }: WorkflowDialogProps) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const params = { path: { id: workflow.id } };
  return (
    <CloneModal
      of={workflow}
      copied={`the draft of ${workflow.name}`}
      send={(body, headers) => answer(api.POST("/api/v1/workflows/{id}/clone", { params, body, headers }))}
      onMade={async (made) => {
        await client.invalidateQueries({ queryKey: workflowKey });
        await navigate({ to: "/workflows/$workflowId", params: { workflowId: String(made.id) } });
      }}
      onClose={onClose}
    />
  );
}

export function PublishDialog({ workflow, onClose }: WorkflowDialogProps) {
  const client = useQueryClient();
  const params = { path: { id: workflow.id } };
  return (
    <ReleaseModal
      verb="Publish"
      of={workflow}
      send={(body, headers) => answer(api.POST("/api/v1/workflows/{id}/publish", { params, body, headers }))}
      onReleased={() => client.invalidateQueries({ queryKey: workflowKey })}
      onClose={onClose}
    >
      The draft becomes version {(workflow.version ?? 0) + 1}, which runs from now on. Instances that have
      begun keep the version they began with.
    </ReleaseModal>
  );
}
