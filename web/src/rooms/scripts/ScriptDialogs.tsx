import { Button, Group, Modal, NativeSelect, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, type ReactNode, useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer, asProblem, problemsByField } from "~/api/problem";
import type { Language, SavedScript, ScriptCreate, ScriptKind } from "~/api/types";
import { PlaceFields } from "~/rooms/agents/PlaceFields";
import { LANGUAGE } from "~/rooms/jobs/words";
import { ProblemAlert } from "~/ui/states";
import { toastDone } from "~/ui/toast";
import { scriptKey } from "./api";
import { FIRST_LINES, KIND } from "./words";

const FIELDS = [
  "name",
  "description",
  "language",
  "kind",
  "organization_id",
  "department_id",
  "message",
] as const;
type Errors = Partial<Record<(typeof FIELDS)[number], string>>;

interface DialogFormProps {
  submitLabel: string;
  pending: boolean;
  error: unknown;
  onSubmit: () => void;
  onChange: () => void;
  onClose: () => void;
  children: (errors: Errors) => ReactNode;
}

/** What the dialogs have in common. */
export function DialogForm(props: DialogFormProps) {
  const { at, rest } = problemsByField(props.error ? asProblem(props.error).fields : [], FIELDS);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    props.onSubmit();
  };
  return (
    <form onSubmit={submit} onChange={props.onChange}>
      <Stack gap="md">
        {props.error && (rest.length > 0 || Object.keys(at).length === 0) ? (
          <ProblemAlert error={props.error} />
        ) : null}
        {props.children(at)}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={props.onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={props.pending}>
            {props.submitLabel}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface NameProps {
  value: string;
  error: string | undefined;
  onChange: (name: string) => void;
}

export function Name({ value, error, onChange }: NameProps) {
  return (
    <TextInput
      label="Name"
      description="Letters, digits, dot, dash and underscore."
      required
      data-autofocus
      autoComplete="off"
      value={value}
      error={error}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

export function Description({ value, error, onChange }: NameProps) {
  return (
    <Textarea
      label="Description"
      autosize
      minRows={2}
      maxRows={8}
      value={value}
      error={error}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

interface NewScriptDialogProps {
  opened: boolean;
  kind: ScriptKind;
  onClose: () => void;
}

/** Makes version 1 with the usual first lines, and goes on to the editor. */
export function NewScriptDialog({ opened, kind, onClose }: NewScriptDialogProps) {
  return (
    <Modal opened={opened} onClose={onClose} title={`New ${KIND[kind].label.toLowerCase()}`} size="md">
      <NewScriptForm kind={kind} onClose={onClose} />
    </Modal>
  );
}

function NewScriptForm({ kind: first, onClose }: Omit<NewScriptDialogProps, "opened">) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const intent = useIntent();
  const [kind, setKind] = useState(first);
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [language, setLanguage] = useState<Language>("bash");
  const [place, setPlace] = useState<{ organization?: number | undefined; department?: number | undefined }>(
    {},
  );
  const create = useMutation({
    mutationFn: (body: ScriptCreate) =>
      answer(api.POST("/api/v1/scripts", { body, headers: intent.headers(body) })),
    onSuccess: async (script) => {
      intent.done();
      onClose();
      await client.invalidateQueries({ queryKey: scriptKey });
      await navigate({ to: "/scripts/$scriptId", params: { scriptId: String(script.id) } });
    },
  });
  return (
    <DialogForm
      submitLabel="Create and write it"
      pending={create.isPending}
      error={create.error}
      onChange={() => create.error && create.reset()}
      onClose={onClose}
      onSubmit={() =>
        create.mutate({
          kind,
          name: name.trim(),
          description: description.trim(),
          language,
          organization_id: place.organization,
          department_id: place.department,
          definition: { content: FIRST_LINES[language] },
        })
      }
    >
      {(errors) => (
        <>
          <Name value={name} error={errors.name} onChange={setName} />
          <NativeSelect
            label="Kind"
            value={kind}
            error={errors.kind}
            data={Object.entries(KIND).map(([value, { label }]) => ({ value, label }))}
            onChange={(event) => setKind(event.currentTarget.value === "library" ? "library" : "script")}
          />
          <NativeSelect
            label="Language"
            description="It stays; libraries and the scripts that link them have the same."
            value={language}
            error={errors.language}
            data={Object.entries(LANGUAGE).map(([value, { label }]) => ({ value, label }))}
            onChange={(event) => setLanguage(asLanguage(event.currentTarget.value))}
          />
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
  );
}

const asLanguage = (value: string): Language =>
  value === "python" || value === "powershell" ? value : "bash";

interface ScriptDialogProps {
  script: SavedScript;
  onClose: () => void;
}

export function CloneDialog({ script, onClose }: ScriptDialogProps) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const intent = useIntent();
  const [name, setName] = useState(`${script.name}-copy`);
  const clone = useMutation({
    mutationFn: (body: { name: string }) =>
      answer(
        api.POST("/api/v1/scripts/{id}/clone", {
          params: { path: { id: script.id } },
          body,
          headers: intent.headers({ id: script.id, ...body }),
        }),
      ),
    onSuccess: async (made) => {
      intent.done();
      onClose();
      toastDone(`${made.name} is a copy of ${script.name}`);
      await client.invalidateQueries({ queryKey: scriptKey });
      await navigate({ to: "/scripts/$scriptId", params: { scriptId: String(made.id) } });
    },
  });
  return (
    <Modal opened onClose={onClose} title={`Clone ${script.name}`} size="md">
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

export function RenameDialog({ script, onClose }: ScriptDialogProps) {
  const client = useQueryClient();
  const [name, setName] = useState(script.name);
  const [description, setDescription] = useState(script.description);
  const save = useMutation({
    mutationFn: (body: { name: string; description: string }) =>
      answer(api.PATCH("/api/v1/scripts/{id}", { params: { path: { id: script.id } }, body })),
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: scriptKey });
      toastDone(`${saved.name} is saved`);
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title={`Rename ${script.name}`} size="md">
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
