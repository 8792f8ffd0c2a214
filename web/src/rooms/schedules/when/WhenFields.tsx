import { TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { asProblem } from "~/api/problem";
import form from "~/rooms/jobs/RunForm.module.css";
import { cronOptions } from "../api";
import type { ScheduleDraft } from "../draft";
import { NextTicks } from "./NextTicks";
import classes from "./when.module.css";
import { ZonePicker } from "./ZonePicker";

interface WhenFieldsProps {
  draft: ScheduleDraft;
  onChange: (part: Partial<ScheduleDraft>) => void;
  errors: Record<string, string | undefined>;
}

const WAIT_MS = 300;

/** The expression and its zone, looked at by the server while they are typed. */
export function WhenFields({ draft, onChange, errors }: WhenFieldsProps) {
  const [wanted] = useDebouncedValue(draft.cron.trim(), WAIT_MS);
  const preview = useQuery({
    ...cronOptions(wanted, draft.zone),
    enabled: wanted !== "",
    placeholderData: keepPreviousData,
  });
  const refused = wanted !== "" && wanted === draft.cron.trim() && preview.error ? preview.error : undefined;
  const at = Object.fromEntries(
    (refused ? asProblem(refused).fields : []).map(({ field, message }) => [field, message]),
  );
  return (
    <div className={form.work}>
      <div className={classes.when}>
        <TextInput
          label="Cron expression"
          description="Minute, hour, day of the month, month, day of the week"
          inputWrapperOrder={["label", "input", "description", "error"]}
          placeholder="30 2 * * *"
          required
          className={form.mono}
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          value={draft.cron}
          error={at["cron"] ?? errors["cron"]}
          onChange={(event) => onChange({ cron: event.currentTarget.value })}
        />
        <ZonePicker
          value={draft.zone}
          onChange={(zone) => onChange({ zone })}
          error={at["zone"] ?? errors["zone"]}
        />
      </div>
      {wanted === "" ? (
        <p className={form.help}>
          Five fields, like <code>*/15 * * * *</code> every quarter of an hour, <code>0 6 * * 1-5</code> at
          six on workdays, <code>0 0 L * *</code> on the last day of the month.
        </p>
      ) : refused ? (
        Object.keys(at).length === 0 && (
          <p className="problem" role="alert">
            {asProblem(refused).problem.detail}
          </p>
        )
      ) : (
        preview.data && (
          <NextTicks
            text={preview.data.text}
            ticks={preview.data.ticks}
            zone={draft.zone}
            stale={preview.isPlaceholderData}
          />
        )
      )}
    </div>
  );
}
