import { Button, Group, Modal, Stack, Switch, TextInput } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer, asProblem, problemsByField } from "~/api/problem";
import type { DepartmentCreate, Organization, OrganizationCreate, OrganizationUpdate } from "~/api/types";
import { ProblemAlert } from "~/ui/states";
import { toastDone } from "~/ui/toast";
import { organizationKey } from "./api";
import classes from "./OrganizationDialogs.module.css";
import { organizationChanges } from "./rules";

const NAME_RULE = "Letters, digits, dot, dash and underscore.";

export function AddOrganizationDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Add an organization" size="md">
      <AddOrganizationForm onClose={onClose} />
    </Modal>
  );
}

function AddOrganizationForm({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const intent = useIntent();
  const [name, setName] = useState("");
  const create = useMutation({
    mutationFn: (body: OrganizationCreate) =>
      answer(api.POST("/api/v1/organizations", { body, headers: intent.headers(body) })),
    onSuccess: async (organization) => {
      intent.done();
      await client.invalidateQueries({ queryKey: organizationKey });
      toastDone(`${organization.name} is added`);
      onClose();
    },
  });
  const { general, name: nameError } = nameProblem(create.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate({ name: name.trim() });
  };
  return (
    <form onSubmit={submit} onChange={() => create.error && create.reset()}>
      <Stack gap="md">
        {general ? <ProblemAlert error={general} /> : null}
        <TextInput
          label="Name"
          description={NAME_RULE}
          required
          data-autofocus
          autoComplete="off"
          value={name}
          error={nameError}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Add organization
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface OrganizationDialogProps {
  organization: Organization;
  onClose: () => void;
}

export function EditOrganizationDialog({ organization, onClose }: OrganizationDialogProps) {
  const client = useQueryClient();
  const [name, setName] = useState(organization.name);
  const [renew, setRenew] = useState(organization.renew_credentials);
  const save = useMutation({
    mutationFn: (body: OrganizationUpdate) =>
      answer(api.PATCH("/api/v1/organizations/{id}", { params: { path: { id: organization.id } }, body })),
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: organizationKey });
      toastDone(`${saved.name} is saved`);
      onClose();
    },
  });
  const { general, name: nameError } = nameProblem(save.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(organizationChanges(organization, { name: name.trim(), renew_credentials: renew }));
  };
  return (
    <Modal opened onClose={onClose} title={`Edit ${organization.name}`} size="md">
      <form onSubmit={submit} onChange={() => save.error && save.reset()}>
        <Stack gap="md">
          {general ? <ProblemAlert error={general} /> : null}
          <TextInput
            label="Name"
            description={NAME_RULE}
            required
            data-autofocus
            autoComplete="off"
            value={name}
            error={nameError}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Switch
            label="Agents renew their credentials"
            description="Without renewal an agent has to be enrolled again when its credential ends."
            checked={renew}
            onChange={(event) => setRenew(event.currentTarget.checked)}
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
    </Modal>
  );
}

interface DepartmentsDialogProps extends OrganizationDialogProps {
  /** Why none can be added. */
  reason: string | undefined;
}

/** The departments of an organization, and a field to add one. */
export function DepartmentsDialog({ organization, reason, onClose }: DepartmentsDialogProps) {
  const client = useQueryClient();
  const intent = useIntent();
  const [name, setName] = useState("");
  const create = useMutation({
    mutationFn: (body: DepartmentCreate) =>
      answer(
        api.POST("/api/v1/organizations/{id}/departments", {
          params: { path: { id: organization.id } },
          body,
          headers: intent.headers(body),
        }),
      ),
    // It is done before the list shows it: while it is in work, Enter would be lost.
    onSuccess: () => {
      intent.done();
      setName("");
      void client.invalidateQueries({ queryKey: organizationKey });
    },
  });
  const { general, name: nameError } = nameProblem(create.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate({ name: name.trim() });
  };
  return (
    <Modal opened onClose={onClose} title={`Departments of ${organization.name}`} size="md">
      <form onSubmit={submit} onChange={() => create.error && create.reset()}>
        <Stack gap="md">
          {general ? <ProblemAlert error={general} /> : null}
          <ul className={classes.departments} aria-label="Departments">
            {organization.departments.map((department) => (
              <li key={department.id}>{department.name}</li>
            ))}
            {organization.departments.length === 0 && <li className="dim">There are none.</li>}
          </ul>
          <div className={classes.add}>
            <TextInput
              size="xs"
              label="New department"
              description={reason ?? NAME_RULE}
              required
              withAsterisk={false}
              disabled={reason !== undefined}
              data-autofocus
              autoComplete="off"
              // An error below the input would push it up, away from its button.
              inputWrapperOrder={["label", "description", "error", "input"]}
              value={name}
              error={nameError}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Button
              type="submit"
              variant="default"
              loading={create.isPending}
              disabled={reason !== undefined}
              leftSection={<IconPlus size={14} aria-hidden />}
            >
              Add department
            </Button>
          </div>
          <Group justify="flex-end">
            <Button onClick={onClose}>Done</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** What belongs to the name stands at its field, the rest at the head of the form. */
function nameProblem(error: unknown): { general?: unknown; name?: string | undefined } {
  if (!error) {
    return {};
  }
  const { at, rest } = problemsByField(asProblem(error).fields, ["name"]);
  return { general: rest.length > 0 || !at.name ? error : undefined, name: at.name };
}
