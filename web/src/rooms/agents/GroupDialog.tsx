import { Button, Modal, Group as Row, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer, asProblem, problemsByField } from "~/api/problem";
import type { Group, GroupCreate, GroupUpdate } from "~/api/types";
import { calendarKey } from "~/rooms/schedules/api";
import { NewerEdit } from "~/rooms/schedules/NewerEdit";
import { ProblemAlert } from "~/ui/states";
import { toastDone } from "~/ui/toast";
import { groupKey } from "./api";
import { BlackoutFields } from "./BlackoutFields";
import { blackoutFrom, changedBlackout, toBlackout } from "./blackout";
import { HostPicker, TARGET_FIELDS } from "./HostPicker";
import { PlaceFields } from "./PlaceFields";
import { emptyTargets, missingTargets, targetsFrom, toTargets } from "./targets";

interface GroupDialogProps {
  opened: boolean;
  onClose: () => void;
  /** To be edited; absent for a new one. */
  group?: Group | undefined;
}

export function GroupDialog({ opened, onClose, group }: GroupDialogProps) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      size="lg"
      title={group ? `Edit ${group.name}` : "Add a host group"}
    >
      <GroupEditor group={group} onClose={onClose} />
    </Modal>
  );
}

/** The one that it begins with; another when somebody takes what is there by now. */
function GroupEditor({ group: begun, onClose }: Pick<GroupDialogProps, "group" | "onClose">) {
  const [group, setGroup] = useState(begun);
  return <GroupForm key={group?.sha256} group={group} onClose={onClose} onReload={setGroup} />;
}

interface GroupFormProps extends Pick<GroupDialogProps, "group" | "onClose"> {
  onReload: (newest: Group) => void;
}

function GroupForm({ group, onClose, onReload }: GroupFormProps) {
  const client = useQueryClient();
  const intent = useIntent();
  const [name, setName] = useState(group?.name ?? "");
  const [description, setDescription] = useState(group?.description ?? "");
  const [place, setPlace] = useState<{ organization?: number | undefined; department?: number | undefined }>(
    {},
  );
  const [draft, setDraft] = useState(() => (group ? targetsFrom(group.targets) : emptyTargets()));
  const [blackout, setBlackout] = useState(() => blackoutFrom(group?.blackout));
  const [basedOn, setBasedOn] = useState(group?.sha256);
  const [incomplete, setIncomplete] = useState<string>();
  const save = useMutation({
    mutationFn: (body: GroupCreate) =>
      group
        ? answer(
            api.PATCH("/api/v1/groups/{id}", {
              params: { path: { id: group.id } },
              body: { ...changed(body, changedBlackout(blackout, group.blackout)), based_on: basedOn },
            }),
          )
        : answer(api.POST("/api/v1/groups", { body, headers: intent.headers(body) })),
    onSuccess: async (saved) => {
      intent.done();
      await Promise.all([
        client.invalidateQueries({ queryKey: groupKey }),
        client.invalidateQueries({ queryKey: calendarKey }),
      ]);
      toastDone(group ? `${saved.name} is saved` : `${saved.name} is added`);
      onClose();
    },
  });
  const outrun = save.error !== null && asProblem(save.error).code === "newer_group";
  const { at, rest } = problemsByField<string>(save.error ? asProblem(save.error).fields : [], [
    "name",
    "description",
    "organization_id",
    "department_id",
    "blackout",
    "blackout.calendar_id",
    ...TARGET_FIELDS,
  ]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const part = missingTargets(draft);
    setIncomplete(part);
    if (part === undefined) {
      save.mutate({
        name: name.trim(),
        description: description.trim(),
        organization_id: place.organization,
        department_id: place.department,
        targets: toTargets(draft),
        blackout: toBlackout(blackout),
      });
    }
  };
  return (
    <form onSubmit={submit} onChange={() => save.error && save.reset()}>
      <Stack gap="md">
        {save.error && !outrun && (rest.length > 0 || Object.keys(at).length === 0) ? (
          <ProblemAlert error={save.error} />
        ) : null}
        <TextInput
          label="Name"
          description="Letters, digits, dot, dash and underscore."
          required
          data-autofocus
          autoComplete="off"
          value={name}
          error={at["name"]}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Textarea
          label="Description"
          autosize
          minRows={1}
          maxRows={5}
          value={description}
          error={at["description"]}
          onChange={(event) => setDescription(event.currentTarget.value)}
        />
        {!group && (
          <PlaceFields
            tenantWide
            organization={place.organization}
            department={place.department}
            errors={{ organization: at["organization_id"], department: at["department_id"] }}
            onChange={(organization, department) => setPlace({ organization, department })}
          />
        )}
        <HostPicker draft={draft} onChange={setDraft} errors={at} withoutGroups />
        <BlackoutFields
          draft={blackout}
          error={at["blackout.calendar_id"] ?? at["blackout"]}
          onChange={setBlackout}
        />
        {incomplete && missingTargets(draft) && (
          <p className="problem" role="alert">
            {incomplete}.
          </p>
        )}
        {outrun && group && (
          <NewerEdit
            error={save.error}
            newest={() => answer(api.GET("/api/v1/groups/{id}", { params: { path: { id: group.id } } }))}
            onReload={onReload}
            onRebase={({ sha256 }) => {
              setBasedOn(sha256);
              save.reset();
            }}
          />
        )}
        <Row justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending}>
            {group ? "Save" : "Add host group"}
          </Button>
        </Row>
      </Stack>
    </form>
  );
}

/** Where it lies stays. */
const changed = (
  { name, description = "", targets }: GroupCreate,
  blackout: GroupUpdate["blackout"],
): GroupUpdate => ({ name, description, targets, ...(blackout ? { blackout } : {}) });
