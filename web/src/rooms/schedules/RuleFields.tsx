import { NativeSelect, NumberInput, TextInput } from "@mantine/core";
import type { BlackoutTick, Missed, Overlap } from "~/api/types";
import form from "~/rooms/jobs/RunForm.module.css";
import { CalendarSelect } from "./calendars/CalendarSelect";
import type { ScheduleDraft } from "./draft";
import { viewerZone } from "./when/zones";
import { BLACKOUT_TICK, MISSED, OVERLAP } from "./words";

interface RuleFieldsProps {
  draft: ScheduleDraft;
  onChange: (part: Partial<ScheduleDraft>) => void;
  errors: Record<string, string | undefined>;
}

/** What becomes of ticks that cannot run as they come, and when there are no more. */
export function RuleFields({ draft, onChange, errors }: RuleFieldsProps) {
  return (
    <div className={form.fields}>
      <NativeSelect
        {...BELOW}
        label="When the run before still goes on"
        description={OVERLAP[draft.overlap].help}
        value={draft.overlap}
        error={errors["overlap"]}
        data={options(OVERLAP)}
        onChange={(event) => onChange({ overlap: pick<Overlap>(OVERLAP, event.currentTarget.value) })}
      />
      <NativeSelect
        {...BELOW}
        label="When ticks were missed"
        description={MISSED[draft.missed].help}
        value={draft.missed}
        error={errors["missed"]}
        data={options(MISSED)}
        onChange={(event) => onChange({ missed: pick<Missed>(MISSED, event.currentTarget.value) })}
      />
      <CalendarSelect
        help="Nothing begins by itself while it has a blackout."
        value={draft.calendar}
        error={errors["blackout.calendar_id"] ?? errors["blackout"]}
        onChange={(calendar) => onChange({ calendar })}
      />
      <NativeSelect
        {...BELOW}
        label="When a tick falls into a blackout"
        description={
          draft.calendar === "" ? "Choose a calendar first." : BLACKOUT_TICK[draft.blackoutTick].help
        }
        disabled={draft.calendar === ""}
        value={draft.blackoutTick}
        data={options(BLACKOUT_TICK)}
        onChange={(event) =>
          onChange({ blackoutTick: pick<BlackoutTick>(BLACKOUT_TICK, event.currentTarget.value) })
        }
      />
      <NumberInput
        {...BELOW}
        label="Runs at most"
        description="After so many it ends by itself."
        placeholder="no limit"
        min={1}
        clampBehavior="none"
        allowDecimal={false}
        value={draft.maxRuns}
        error={errors["max_runs"]}
        onChange={(maxRuns) => onChange({ maxRuns: String(maxRuns) })}
      />
      <TextInput
        {...BELOW}
        label="No tick after"
        description={`On your clock, in ${viewerZone()}.`}
        type="datetime-local"
        step={1}
        value={draft.endsAt}
        error={errors["ends_at"]}
        onChange={(event) => onChange({ endsAt: event.currentTarget.value })}
      />
    </div>
  );
}

const BELOW: { inputWrapperOrder: ("label" | "input" | "description" | "error")[] } = {
  inputWrapperOrder: ["label", "input", "description", "error"],
};

const options = (words: Record<string, { label: string }>) =>
  Object.entries(words).map(([value, { label }]) => ({ value, label }));

/** The select offers nothing else; its type does not say so. */
const pick = <Name extends string>(words: Record<Name, unknown>, value: string): Name =>
  (Object.keys(words) as Name[]).find((name) => name === value) ?? (Object.keys(words)[0] as Name);
