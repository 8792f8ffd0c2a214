/** The dialogs that saved things have in common: a copy, another name, and what runs from now on. */
import { Button, Group, Modal, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { type IntentHeaders, useIntent } from "~/api/intent";
import { asProblem, problemsByField } from "~/api/problem";
import type { FieldProblem } from "~/api/types";
import { ProblemAlert } from "~/ui/states";
import { toastDone } from "~/ui/toast";

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
  /** What a field is called that is not in the form. */
  line?: ((problem: FieldProblem) => ReactNode) | undefined;
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
          <ProblemAlert error={props.error} line={props.line} />
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

interface Saved {
  id: number;
  name: string;
}

interface CloneModalProps<Made> {
  of: Saved;
  /** What is copied, in the words of the toast. */
  copied: string;
  send: (body: { name: string }, headers: IntentHeaders) => Promise<Made>;
  onMade: (made: Made) => Promise<void>;
  onClose: () => void;
}

export function CloneModal<Made extends Saved>({ of, copied, send, onMade, onClose }: CloneModalProps<Made>) {
  const intent = useIntent();
  const [name, setName] = useState(`${of.name}-copy`);
  const clone = useMutation({
    mutationFn: (body: { name: string }) => send(body, intent.headers({ id: of.id, ...body })),
    onSuccess: async (made) => {
      intent.done();
      onClose();
      toastDone(`${made.name} is a copy of ${copied}`);
      await onMade(made);
    },
  });
  return (
    <Modal opened onClose={onClose} title={`Clone ${of.name}`} size="md">
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

interface RenameModalProps {
  of: Saved & { description: string };
  send: (body: { name: string; description: string }) => Promise<Saved>;
  onSaved: () => Promise<void>;
  onClose: () => void;
}

export function RenameModal({ of, send, onSaved, onClose }: RenameModalProps) {
  const [name, setName] = useState(of.name);
  const [description, setDescription] = useState(of.description);
  const save = useMutation({
    mutationFn: send,
    onSuccess: async (saved) => {
      await onSaved();
      toastDone(`${saved.name} is saved`);
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title={`Rename ${of.name}`} size="md">
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

interface ReleaseModalProps {
  /** `Deploy` or `Publish`. */
  verb: string;
  of: Saved & { updated_at: string };
  send: (
    body: { message: string },
    headers: IntentHeaders,
  ) => Promise<{ name: string; version?: number | null | undefined }>;
  onReleased: () => Promise<unknown>;
  onRefused?: (error: unknown) => void;
  onClose: () => void;
  /** What a field of the draft is called. */
  line?: (problem: FieldProblem) => ReactNode;
  /** What follows from it. */
  children: ReactNode;
}

/** What the draft says becomes what runs. */
export function ReleaseModal(props: ReleaseModalProps) {
  const { verb, of, send, onReleased, onRefused, onClose, line, children } = props;
  const intent = useIntent();
  const [message, setMessage] = useState("");
  const release = useMutation({
    mutationFn: (body: { message: string }) =>
      send(body, intent.headers({ id: of.id, at: of.updated_at, ...body })),
    onSuccess: async ({ name, version }) => {
      intent.done();
      onClose();
      toastDone(`${name} runs as version ${version}`);
      await onReleased();
    },
    onError: onRefused,
  });
  return (
    <Modal opened onClose={onClose} title={`${verb} ${of.name}`} size="md">
      <DialogForm
        line={line}
        submitLabel={verb}
        pending={release.isPending}
        error={release.error}
        onChange={() => release.error && release.reset()}
        onClose={onClose}
        onSubmit={() => release.mutate({ message: message.trim() })}
      >
        {(errors) => (
          <>
            <div>{children}</div>
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
