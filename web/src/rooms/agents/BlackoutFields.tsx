import { NativeSelect } from "@mantine/core";
import { CalendarSelect } from "~/rooms/schedules/calendars/CalendarSelect";
import { BLACKOUT_JOBS, type BlackoutDraft } from "./blackout";

interface BlackoutFieldsProps {
  draft: BlackoutDraft;
  onChange: (draft: BlackoutDraft) => void;
  error: string | undefined;
}

/** When jobs of a host group do not begin, and what becomes of them then. */
export function BlackoutFields({ draft, onChange, error }: BlackoutFieldsProps) {
  return (
    <>
      <CalendarSelect
        help="Jobs that are made by way of the group do not begin while it has a blackout."
        value={draft.calendar}
        error={error}
        onChange={(calendar) => onChange({ ...draft, calendar })}
      />
      <NativeSelect
        inputWrapperOrder={["label", "input", "description", "error"]}
        label="When jobs fall into a blackout"
        description={draft.calendar === "" ? "Choose a calendar first." : BLACKOUT_JOBS[draft.jobs].help}
        disabled={draft.calendar === ""}
        value={draft.jobs}
        data={Object.entries(BLACKOUT_JOBS).map(([value, { label }]) => ({ value, label }))}
        onChange={(event) =>
          onChange({ ...draft, jobs: event.currentTarget.value === "skip" ? "skip" : "wait" })
        }
      />
    </>
  );
}
