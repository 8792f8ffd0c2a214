import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer, asProblem, problemsByField } from "~/api/problem";
import type { AgentCreate, AgentEnrollment } from "~/api/types";
import { fromPairs, KeyValueEditor, type Pair } from "~/ui/KeyValueEditor";
import { ProblemAlert } from "~/ui/states";
import { agentKey } from "./api";
import { EnrollmentView } from "./EnrollmentView";
import { PlaceFields } from "./PlaceFields";

export function AddAgentDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [enrollment, setEnrollment] = useState<AgentEnrollment>();
  const close = () => {
    setEnrollment(undefined);
    onClose();
  };
  return (
    <Modal
      opened={opened}
      onClose={close}
      size={enrollment ? "xl" : "md"}
      title={enrollment ? `Start ${enrollment.agent.name}` : "Add an agent"}
      // The commands are shown once: a stray click must not take them away.
      closeOnClickOutside={!enrollment}
    >
      {enrollment ? (
        <EnrollmentView enrollment={enrollment} onClose={close} />
      ) : (
        <AddAgentForm onCreated={setEnrollment} onCancel={close} />
      )}
    </Modal>
  );
}

function AddAgentForm(props: { onCreated: (enrollment: AgentEnrollment) => void; onCancel: () => void }) {
  const client = useQueryClient();
  const intent = useIntent();
  const [name, setName] = useState("");
  const [organization, setOrganization] = useState<number>();
  const [department, setDepartment] = useState<number>();
  const [labels, setLabels] = useState<Pair[]>([]);
  const create = useMutation({
    mutationFn: (body: AgentCreate) =>
      answer(api.POST("/api/v1/agents", { body, headers: intent.headers(body) })),
    onSuccess: async (enrollment) => {
      intent.done();
      await client.invalidateQueries({ queryKey: agentKey });
      props.onCreated(enrollment);
    },
  });
  const { at, rest } = problemsByField(create.error ? asProblem(create.error).fields : [], [
    "name",
    "organization_id",
    "department_id",
    "labels",
  ]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate({
      name: name.trim(),
      organization_id: organization,
      department_id: department,
      labels: fromPairs(labels),
    });
  };
  return (
    <form onSubmit={submit} onChange={() => create.error && create.reset()}>
      <Stack gap="md">
        {create.error && (rest.length > 0 || Object.keys(at).length === 0) ? (
          <ProblemAlert error={create.error} />
        ) : null}
        <TextInput
          label="Name"
          description="How people and commands call this host. Letters, digits, dot, dash and underscore."
          required
          data-autofocus
          value={name}
          error={at.name}
          onChange={(event) => setName(event.currentTarget.value)}
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
          description="To find and choose this host later, like env=prod."
          keyLabel="Label"
          addLabel="Add a label"
          pairs={labels}
          onChange={setLabels}
          error={at.labels}
        />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={props.onCancel}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Add agent
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
