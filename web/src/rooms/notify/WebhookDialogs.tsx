import { Alert, Button, Checkbox, Group, Modal, Stack, TextInput } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer, asProblem, problemsByField } from "~/api/problem";
import type { Webhook, WebhookSaved } from "~/api/types";
import { CopyField } from "~/ui/CopyField";
import { ProblemAlert } from "~/ui/states";
import { toastDone } from "~/ui/toast";
import { webhookKey } from "./api";
import { type WebhookDraft, webhookChanges } from "./rules";
import { SUBSCRIBABLE, TOPIC } from "./words";

interface WebhookDialogProps {
  /** To be edited; absent for a new one. */
  webhook?: Webhook;
  onSaved: (saved: WebhookSaved) => void;
  onClose: () => void;
}

const FIELDS = ["name", "url", "topics", "active"] as const;

export function WebhookDialog({ webhook, onSaved, onClose }: WebhookDialogProps) {
  const client = useQueryClient();
  const intent = useIntent();
  const [draft, setDraft] = useState<WebhookDraft>({
    name: webhook?.name ?? "",
    url: webhook?.url ?? "",
    topics: webhook?.topics ?? [],
    active: webhook?.active ?? true,
  });
  const change = (part: Partial<WebhookDraft>) => {
    setDraft((before) => ({ ...before, ...part }));
    if (save.error) {
      save.reset();
    }
  };
  const save = useMutation({
    mutationFn: (wanted: WebhookDraft): Promise<WebhookSaved> =>
      webhook
        ? answer(
            api.PATCH("/api/v1/webhooks/{id}", {
              params: { path: { id: webhook.id } },
              body: webhookChanges(webhook, wanted),
            }),
          )
        : answer(api.POST("/api/v1/webhooks", { body: wanted, headers: intent.headers(wanted) })),
    onSuccess: async (saved) => {
      intent.done();
      onClose();
      toastDone(webhook ? `${saved.name} is saved` : `${saved.name} is added`);
      onSaved(saved);
      await client.invalidateQueries({ queryKey: webhookKey });
    },
  });
  const { at, rest } = problemsByField(save.error ? asProblem(save.error).fields : [], FIELDS);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate({ ...draft, name: draft.name.trim(), url: draft.url.trim() });
  };
  return (
    <Modal opened onClose={onClose} title={webhook ? `Edit ${webhook.name}` : "Add a webhook"} size="lg">
      <form onSubmit={submit}>
        <Stack gap="md">
          {save.error && (rest.length > 0 || Object.keys(at).length === 0) ? (
            <ProblemAlert error={save.error} />
          ) : null}
          <TextInput
            label="Name"
            description="Steps of workflows send to it as webhook:NAME."
            required
            data-autofocus
            autoComplete="off"
            value={draft.name}
            error={at.name}
            onChange={(event) => change({ name: event.currentTarget.value })}
          />
          <TextInput
            label="Address"
            description="https:// or http://. Only those who may manage settings see it again."
            required
            autoComplete="off"
            inputMode="url"
            spellCheck={false}
            value={draft.url}
            error={at.url}
            onChange={(event) => change({ url: event.currentTarget.value })}
          />
          <Checkbox.Group
            label="Is told when"
            description="With none of them it gets only what steps of workflows send to it."
            value={draft.topics}
            error={at.topics}
            onChange={(chosen) => change({ topics: SUBSCRIBABLE.filter((topic) => chosen.includes(topic)) })}
          >
            <Stack gap="xs" mt={6}>
              {SUBSCRIBABLE.map((topic) => (
                <Checkbox
                  key={topic}
                  size="xs"
                  value={topic}
                  label={TOPIC[topic].label}
                  description={TOPIC[topic].help}
                />
              ))}
            </Stack>
          </Checkbox.Group>
          <Checkbox
            size="xs"
            label="Active"
            description="While it is switched off it is told nothing."
            checked={draft.active}
            onChange={(event) => change({ active: event.currentTarget.checked })}
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={save.isPending}>
              {webhook ? "Save" : "Add webhook"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** Shown once: afterwards nobody can read it here any more. */
export function SecretDialog({ saved, onClose }: { saved: WebhookSaved; onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} size="lg" title={`Secret of ${saved.name}`} closeOnClickOutside={false}>
      <Stack gap="md">
        <CopyField label="Secret" value={saved.secret ?? ""} />
        <Alert color="yellow" variant="light" icon={<IconAlertTriangle aria-hidden />}>
          It is shown only here. Give it to the receiver, which tells by it that messages come from here.
        </Alert>
        <Group justify="flex-end">
          <Button onClick={onClose}>Done</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
