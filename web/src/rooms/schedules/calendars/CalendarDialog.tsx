import { Button, Modal, Group as Row, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer, asProblem, problemsByField } from "~/api/problem";
import type { Calendar, CalendarCreate } from "~/api/types";
import { PlaceFields } from "~/rooms/agents/PlaceFields";
import { ProblemAlert } from "~/ui/states";
import { toastDone } from "~/ui/toast";
import { calendarKey, calendarOptions } from "../api";
import { NewerEdit } from "../NewerEdit";
import { ZonePicker } from "../when/ZonePicker";
import { viewerZone } from "../when/zones";
import { EntriesEditor } from "./EntriesEditor";
import { draftOfEntry, entryOf, missingEntries, newEntry } from "./entries";

interface CalendarDialogProps {
  opened: boolean;
  /** The one that is changed; a new one when absent. */
  calendar?: Calendar | undefined;
  onClose: () => void;
}

export function CalendarDialog({ opened, calendar, onClose }: CalendarDialogProps) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      size="lg"
      title={calendar ? `Edit ${calendar.name}` : "Add a calendar"}
    >
      <CalendarEditor calendar={calendar} onClose={onClose} />
    </Modal>
  );
}

/** The one that it begins with; another when somebody takes what is there by now. */
function CalendarEditor({ calendar: begun, onClose }: Pick<CalendarDialogProps, "calendar" | "onClose">) {
  const [calendar, setCalendar] = useState(begun);
  return <CalendarForm key={calendar?.sha256} calendar={calendar} onClose={onClose} onReload={setCalendar} />;
}

interface CalendarFormProps extends Pick<CalendarDialogProps, "calendar" | "onClose"> {
  onReload: (newest: Calendar) => void;
}

const FIELDS = ["name", "description", "organization_id", "department_id", "zone", "entries"] as const;

function CalendarForm({ calendar, onClose, onReload }: CalendarFormProps) {
  const client = useQueryClient();
  const intent = useIntent();
  const [name, setName] = useState(calendar?.name ?? "");
  const [description, setDescription] = useState(calendar?.description ?? "");
  const [place, setPlace] = useState<{ organization?: number | undefined; department?: number | undefined }>(
    {},
  );
  const [zone, setZone] = useState(calendar?.zone ?? viewerZone());
  const [entries, setEntries] = useState(() => calendar?.entries.map(draftOfEntry) ?? [newEntry("weekly")]);
  const [basedOn, setBasedOn] = useState(calendar?.sha256);
  const [incomplete, setIncomplete] = useState<string>();
  const missing = missingEntries(entries);
  const save = useMutation({
    mutationFn: (body: CalendarCreate) =>
      calendar
        ? answer(
            api.PATCH("/api/v1/calendars/{id}", {
              params: { path: { id: calendar.id } },
              body: {
                name: body.name,
                description: body.description,
                zone: body.zone,
                entries: body.entries,
                based_on: basedOn,
              },
            }),
          )
        : answer(api.POST("/api/v1/calendars", { body, headers: intent.headers(body) })),
    onSuccess: async (saved) => {
      intent.done();
      await client.invalidateQueries({ queryKey: calendarKey });
      toastDone(calendar ? `${saved.name} is saved` : `${saved.name} is added`);
      onClose();
    },
  });
  const outrun = save.error !== null && asProblem(save.error).code === "newer_calendar";
  const { at, rest } = problemsByField(save.error ? asProblem(save.error).fields : [], FIELDS);
  const forget = () => save.error && save.reset();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIncomplete(missing);
    if (missing === undefined) {
      save.mutate({
        name: name.trim(),
        description: description.trim(),
        organization_id: place.organization,
        department_id: place.department,
        zone,
        entries: entries.map(entryOf),
      });
    }
  };
  return (
    <form onSubmit={submit} onChange={forget} noValidate>
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
          error={at.name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Textarea
          label="Description"
          autosize
          minRows={1}
          maxRows={5}
          value={description}
          error={at.description}
          onChange={(event) => setDescription(event.currentTarget.value)}
        />
        {!calendar && (
          <PlaceFields
            tenantWide
            organization={place.organization}
            department={place.department}
            errors={{ organization: at.organization_id, department: at.department_id }}
            onChange={(organization, department) => setPlace({ organization, department })}
          />
        )}
        <ZonePicker
          value={zone}
          onChange={(chosen) => {
            setZone(chosen);
            forget();
          }}
          error={at.zone}
        />
        <EntriesEditor
          entries={entries}
          onChange={(changed) => {
            setEntries(changed);
            forget();
          }}
          error={at.entries}
        />
        {incomplete && missing === incomplete && (
          <p className="problem" role="alert">
            {incomplete}.
          </p>
        )}
        {outrun && calendar && (
          <NewerEdit
            error={save.error}
            newest={() => client.fetchQuery({ ...calendarOptions(calendar.id), staleTime: 0 })}
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
            {calendar ? "Save" : "Add calendar"}
          </Button>
        </Row>
      </Stack>
    </form>
  );
}
