import { Button, Group, Modal, Stack, Switch, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "~/api/client";
import { answer, asProblem, problemsByField } from "~/api/problem";
import type { Agent, AgentUpdate } from "~/api/types";
import { fromPairs, KeyValueEditor, toPairs } from "~/ui/KeyValueEditor";
import { ProblemAlert } from "~/ui/states";
import { toastDone } from "~/ui/toast";
import { agentKey } from "./api";
import { PlaceFields } from "./PlaceFields";

export function EditAgentDialog({ agent, onClose }: { agent: Agent; onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title={`Edit ${agent.name}`} size="md">
      <EditAgentForm agent={agent} onClose={onClose} />
    </Modal>
  );
}

function EditAgentForm({ agent, onClose }: { agent: Agent; onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState(agent.name);
  const [active, setActive] = useState(agent.active);
  const [organization, setOrganization] = useState<number | undefined>(agent.organization_id);
  const [department, setDepartment] = useState<number | undefined>(agent.department_id ?? undefined);
  const [labels, setLabels] = useState(() => toPairs(agent.labels));
  const save = useMutation({
    mutationFn: (body: AgentUpdate) =>
      answer(api.PATCH("/api/v1/agents/{id}", { params: { path: { id: agent.id } }, body })),
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: agentKey });
      toastDone(`${saved.name} is saved`);
      onClose();
    },
  });
  const { at, rest } = problemsByField(save.error ? asProblem(save.error).fields : [], [
    "name",
    "organization_id",
    "department_id",
    "labels",
  ]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(
      changes(agent, { name: name.trim(), active, organization, department, labels: fromPairs(labels) }),
    );
  };
  return (
    <form onSubmit={submit} onChange={() => save.error && save.reset()}>
      <Stack gap="md">
        {save.error && (rest.length > 0 || Object.keys(at).length === 0) ? (
          <ProblemAlert error={save.error} />
        ) : null}
        <TextInput
          label="Name"
          required
          data-autofocus
          value={name}
          error={at.name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Switch
          label="Active"
          description="An inactive agent stays connected and gets no work."
          checked={active}
          onChange={(event) => setActive(event.currentTarget.checked)}
        />
        <PlaceFields
          organization={organization}
          department={department}
          errors={{ organization: at.organization_id, department: at.department_id }}
          onChange={(nextOrganization, nextDepartment) => {
            setOrganization(nextOrganization);
            setDepartment(nextDepartment);
          }}
        />
        <KeyValueEditor
          label="Labels"
          keyLabel="Label"
          addLabel="Add a label"
          pairs={labels}
          onChange={setLabels}
          error={at.labels}
        />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface Edited {
  name: string;
  active: boolean;
  organization: number | undefined;
  department: number | undefined;
  labels: Record<string, string>;
}

/** Only what was changed is sent, so that two people editing different things do not undo each other. */
export function changes(agent: Agent, edited: Edited): AgentUpdate {
  const update: AgentUpdate = {};
  if (edited.name !== agent.name) {
    update.name = edited.name;
  }
  if (edited.active !== agent.active) {
    update.active = edited.active;
  }
  if (edited.organization !== undefined && edited.organization !== agent.organization_id) {
    update.organization_id = edited.organization;
  }
  if ((edited.department ?? null) !== (agent.department_id ?? null)) {
    update.department_id = edited.department ?? 0;
  }
  if (!sameRecord(edited.labels, agent.labels)) {
    update.labels = edited.labels;
  }
  return update;
}

function sameRecord(a: Record<string, string>, b: Record<string, string>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
