import { ActionIcon, Button, Chip, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import type { Weekday } from "~/api/types";
import classes from "./calendars.module.css";
import { type EntryDraft, newEntry, WEEK } from "./entries";

interface EntriesEditorProps {
  entries: EntryDraft[];
  onChange: (entries: EntryDraft[]) => void;
  error: string | undefined;
}

/** Hours of weekdays and whole days, one row each. */
export function EntriesEditor({ entries, onChange, error }: EntriesEditorProps) {
  const change = (id: number, part: Partial<EntryDraft>) =>
    onChange(entries.map((entry) => (entry.id === id ? { ...entry, ...part } : entry)));
  const add = (kind: EntryDraft["kind"], label: string) => (
    <Button
      variant="subtle"
      size="compact-xs"
      leftSection={<IconPlus size={14} aria-hidden />}
      onClick={() => onChange([...entries, newEntry(kind)])}
    >
      {label}
    </Button>
  );
  return (
    <div role="group" aria-label="Blackout">
      <div className={classes.label}>Blackout</div>
      <div className={classes.help}>
        Times on the clock of the zone. An end that is not after the begin is on the day after; 24:00 is the
        end of the day.
      </div>
      {entries.map((entry, index) => (
        <fieldset key={entry.id} className={classes.entry}>
          <legend className="visually-hidden">Entry {index + 1}</legend>
          <div className={classes.fields}>
            {entry.kind === "weekly" ? (
              <WeeklyFields entry={entry} onChange={(part) => change(entry.id, part)} />
            ) : (
              <DatesFields entry={entry} onChange={(part) => change(entry.id, part)} />
            )}
          </div>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Remove entry ${index + 1}`}
            onClick={() => onChange(entries.filter((other) => other.id !== entry.id))}
          >
            <IconTrash size={15} stroke={1.75} aria-hidden />
          </ActionIcon>
        </fieldset>
      ))}
      {error && (
        <div className={classes.error} role="alert">
          {error}
        </div>
      )}
      {add("weekly", "Add hours of weekdays")}
      {add("dates", "Add days")}
    </div>
  );
}

interface FieldsProps {
  entry: EntryDraft;
  onChange: (part: Partial<EntryDraft>) => void;
}

function WeeklyFields({ entry, onChange }: FieldsProps) {
  return (
    <>
      <Chip.Group multiple value={entry.days} onChange={(days) => onChange({ days: days as Weekday[] })}>
        <div className={classes.week} role="group" aria-label="Days of the week">
          {WEEK.map(({ value, label }) => (
            <Chip key={value} value={value} size="xs" radius="sm" variant="light">
              {label}
            </Chip>
          ))}
        </div>
      </Chip.Group>
      <div className={classes.times}>
        <TextInput
          size="xs"
          label="From"
          placeholder="22:00"
          value={entry.fromTime}
          onChange={(event) => onChange({ fromTime: event.currentTarget.value })}
        />
        <TextInput
          size="xs"
          label="To"
          placeholder="06:00"
          value={entry.toTime}
          onChange={(event) => onChange({ toTime: event.currentTarget.value })}
        />
      </div>
    </>
  );
}

function DatesFields({ entry, onChange }: FieldsProps) {
  return (
    <div className={classes.times}>
      <TextInput
        size="xs"
        type="date"
        label="First day"
        value={entry.fromDay}
        onChange={(event) => onChange({ fromDay: event.currentTarget.value })}
      />
      <TextInput
        size="xs"
        type="date"
        label="Last day"
        value={entry.toDay}
        min={entry.fromDay || undefined}
        onChange={(event) => onChange({ toDay: event.currentTarget.value })}
      />
    </div>
  );
}
