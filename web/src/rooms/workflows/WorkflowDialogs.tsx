import { Modal, Radio } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer, asProblem } from "~/api/problem";
import type { FieldProblem, Workflow, WorkflowCreate, WorkflowProblem, WorkflowTemplate } from "~/api/types";
import { PlaceFields } from "~/rooms/agents/PlaceFields";
import { actorName } from "~/rooms/jobs/words";
import {
  CloneModal,
  Description,
  DialogForm,
  Name,
  ReleaseModal,
  RenameModal,
} from "~/rooms/scripts/saved/dialogs";
import { toastRefused } from "~/ui/toast";
import { templatesOptions, workflowKey, workflowOptions } from "./api";
import { pointerOf, withoutStep } from "./problems";
import { FIRST_LINES } from "./source";
import { placeIn } from "./steps";
import classes from "./WorkflowDialogs.module.css";

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
  const [template, setTemplate] = useState(EMPTY);
  const templates = useQuery(templatesOptions);
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
    <Modal opened onClose={onClose} title="New workflow" size="lg">
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
            source: templates.data?.find(({ name: one }) => one === template)?.source ?? FIRST_LINES,
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
            <TemplateChoice
              templates={templates.data}
              error={templates.error ? "The templates could not be loaded" : undefined}
              value={template}
              onChange={setTemplate}
            />
          </>
        )}
      </DialogForm>
    </Modal>
  );
}

const EMPTY = "";

interface TemplateChoiceProps {
  templates: WorkflowTemplate[] | undefined;
  error: string | undefined;
  /** Name of the template; empty for none. */
  value: string;
  onChange: (name: string) => void;
}

/** What the draft says at first. */
function TemplateChoice({ templates = [], error, value, onChange }: TemplateChoiceProps) {
  return (
    <Radio.Group label="Begin with" value={value} error={error} onChange={onChange}>
      <div className={classes.templates}>
        <Radio size="xs" value={EMPTY} label="Empty" description="One step, to be written over." />
        {templates.map(({ name, title, description }) => (
          <Radio key={name} size="xs" value={name} label={title} description={description} />
        ))}
      </div>
    </Radio.Group>
  );
}

interface WorkflowDialogProps {
  workflow: Workflow & { draft_sha256?: string };
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

interface PublishDialogProps extends WorkflowDialogProps {
  /** Why the draft cannot be published, at its steps. */
  onRefused?: ((problems: WorkflowProblem[]) => void) | undefined;
}

/** From a page that shows the draft, what was looked at is what is published. */
export function PublishDialog({ workflow, onRefused, onClose }: PublishDialogProps) {
  const client = useQueryClient();
  const newest = useQuery(workflowOptions(workflow.id));
  const params = { path: { id: workflow.id } };
  const seen = workflow.draft_sha256 ? { based_on: workflow.draft_sha256 } : {};
  const refused = async (error: unknown) => {
    const { code, fields } = asProblem(error);
    if (code !== "newer_draft") {
      const wrong = fields.filter(({ field }) => field.startsWith("draft"));
      if (wrong.length === 0) {
        return;
      }
      onRefused?.(
        wrong.map(({ field, message }) => ({
          severity: "error",
          pointer: pointerOf(field),
          message: withoutStep(message),
        })),
      );
      return;
    }
    // What is shown is not what is there: nobody has looked at it.
    onClose();
    await client.invalidateQueries({ queryKey: workflowKey });
    const now = client.getQueryData(workflowOptions(workflow.id).queryKey);
    toastRefused(
      `${workflow.name} is not published`,
      `${now ? actorName(now.updated_by) : "Somebody"} saved a newer draft meanwhile. It is shown now: look at it, then publish it.`,
    );
  };
  /** A field of the draft by its step, which is shown in the graph. */
  const line = ({ field, message }: FieldProblem) => {
    const found = placeIn(newest.data?.draft.steps ?? [], pointerOf(field));
    return (
      found && (
        <>
          Step{" "}
          <Link
            to="/workflows/$workflowId"
            params={{ workflowId: String(workflow.id) }}
            search={{ tab: "steps", step: found.step }}
            className="link-strong"
            onClick={onClose}
          >
            {found.step}
          </Link>
          {found.field !== "" && (
            <>
              , <code>{found.field}</code>
            </>
          )}
          : {withoutStep(message)}
        </>
      )
    );
  };
  return (
    <ReleaseModal
      verb="Publish"
      of={workflow}
      send={(body, headers) =>
        answer(api.POST("/api/v1/workflows/{id}/publish", { params, body: { ...body, ...seen }, headers }))
      }
      onReleased={() => {
        onRefused?.([]);
        return client.invalidateQueries({ queryKey: workflowKey });
      }}
      onRefused={(error) => void refused(error)}
      onClose={onClose}
      line={line}
    >
      The draft becomes version {(workflow.version ?? 0) + 1}, which runs from now on. Instances that have
      begun keep the version they began with.
    </ReleaseModal>
  );
}
