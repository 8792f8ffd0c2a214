import { NativeSelect, NumberInput, Switch, TextInput } from "@mantine/core";
import type { JobType, Priority } from "~/api/types";
import type { HowDraft } from "./how";
import classes from "./RunForm.module.css";
import { JOB_TYPE, PRIORITY } from "./words";

interface HowFieldsProps {
  draft: HowDraft;
  onChange: (draft: HowDraft) => void;
  errors: Record<string, string | undefined>;
  type: JobType;
  /** Taken when nothing is given. */
  timeoutSeconds: number;
  /** What holds when no key is given here. */
  concurrency?: string | undefined;
  /** What runs at times of its own has no other. */
  withoutNotBefore?: boolean;
}

/** Priority, times, batches, and what must not run at the same time. */
export function HowFields(props: HowFieldsProps) {
  const { draft, onChange, errors, type, timeoutSeconds, concurrency } = props;
  const change = (part: Partial<HowDraft>) => onChange({ ...draft, ...part });
  return (
    <div className={classes.work}>
      <div className={classes.how}>
        <NativeSelect
          label="Priority"
          value={draft.priority}
          error={errors["priority"]}
          onChange={(event) => change({ priority: asPriority(event.currentTarget.value) })}
          data={[
            { value: "", label: `Standard (${PRIORITY[JOB_TYPE[type].priority].label.toLowerCase()})` },
            ...Object.entries(PRIORITY).map(([value, { label }]) => ({ value, label })),
          ]}
        />
        <NumberInput
          label="Timeout in seconds"
          placeholder={String(timeoutSeconds)}
          min={1}
          max={604_800}
          clampBehavior="none"
          allowDecimal={false}
          value={draft.timeout}
          error={errors["timeout_seconds"]}
          onChange={(timeout) => change({ timeout: String(timeout) })}
        />
        {!props.withoutNotBefore && (
          <TextInput
            label="Not before"
            type="datetime-local"
            step={1}
            value={draft.notBefore}
            error={errors["not_before"]}
            onChange={(event) => change({ notBefore: event.currentTarget.value })}
          />
        )}
      </div>
      <Switch
        label="In batches, one after the other"
        description="Hosts with the label canary go first. A batch begins when all of the one before it have ended."
        checked={draft.rolling}
        onChange={(event) => change({ rolling: event.currentTarget.checked })}
      />
      {draft.rolling && (
        <div className={classes.how}>
          <TextInput
            label="Batch"
            description="Hosts, or a part of them"
            placeholder="5 or 20%"
            required
            value={draft.batch}
            error={errors["rolling.batch"] ?? errors["rolling"]}
            onChange={(event) => change({ batch: event.currentTarget.value })}
          />
          <NumberInput
            label="Pause in seconds"
            description="Between two batches"
            placeholder="0"
            min={0}
            max={86_400}
            clampBehavior="none"
            allowDecimal={false}
            value={draft.pause}
            error={errors["rolling.pause_seconds"]}
            onChange={(pause) => change({ pause: String(pause) })}
          />
          <TextInput
            label="Stop after"
            description="Failed hosts; the rest is cancelled"
            placeholder="never; 1 or 10%"
            value={draft.stopAfter}
            error={errors["rolling.stop_after"]}
            onChange={(event) => change({ stopAfter: event.currentTarget.value })}
          />
        </div>
      )}
      <div className={classes.how}>
        <TextInput
          label="Concurrency key"
          description="Jobs with the same key wait for each other"
          placeholder={concurrency ?? "none"}
          value={draft.concurrencyKey}
          error={errors["concurrency.key"] ?? errors["concurrency"]}
          onChange={(event) => change({ concurrencyKey: event.currentTarget.value })}
        />
        <NativeSelect
          label="At most one at a time"
          description="Where that holds"
          value={draft.concurrencyPer}
          disabled={draft.concurrencyKey.trim() === ""}
          onChange={(event) => change({ concurrencyPer: asScope(event.currentTarget.value) })}
          data={SCOPES}
        />
      </div>
    </div>
  );
}

export const SCOPES = [
  { value: "host", label: "Per host" },
  { value: "group", label: "Per host group" },
  { value: "tenant", label: "In the whole tenant" },
];

export const asScope = (value: string): HowDraft["concurrencyPer"] =>
  value === "group" || value === "tenant" ? value : "host";

const asPriority = (value: string): Priority | "" =>
  value === "critical" || value === "high" || value === "normal" ? value : "";
