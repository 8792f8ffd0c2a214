import { Button, Group, NativeSelect, NumberInput, TextInput } from "@mantine/core";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer, asProblem, problemsByField } from "~/api/problem";
import type { JobCreate } from "~/api/types";
import { count } from "~/ui/format";
import { Panel } from "~/ui/Page";
import { ProblemAlert } from "~/ui/states";
import { toastDone } from "~/ui/toast";
import { jobKey } from "./api";
import { type Draft, missingPart, toRequest } from "./draft";
import { HostPicker } from "./HostPicker";
import classes from "./RunForm.module.css";
import { WorkFields } from "./WorkFields";
import { PRIORITY } from "./words";

/** With more hosts than this the list is not narrowed to them: the address would be too long. */
const FILTERED_HOSTS = 20;

const FIELDS = [
  "targets",
  "payload",
  "payload.argv",
  "payload.content",
  "payload.language",
  "payload.parameters",
  "payload.working_directory",
  "priority",
  "timeout_seconds",
  "not_before",
] as const;

export type RunErrors = Partial<Record<(typeof FIELDS)[number], string>>;

export function RunForm({ start }: { start: Draft }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const intent = useIntent();
  const [draft, setDraft] = useState(start);
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const [incomplete, setIncomplete] = useState<string>();

  const run = useMutation({
    mutationFn: (body: JobCreate) =>
      answer(api.POST("/api/v1/jobs", { body, headers: intent.headers(body) })),
    onSuccess: async ({ jobs }) => {
      intent.done();
      void client.invalidateQueries({ queryKey: jobKey });
      const only = jobs.length === 1 ? jobs[0] : undefined;
      if (only) {
        await navigate({ to: "/jobs/$jobId", params: { jobId: String(only.id) } });
        return;
      }
      toastDone(`${count(jobs.length, "job")} created`);
      const agents = jobs.map((job) => job.agent_id);
      const filter = agents.length <= FILTERED_HOSTS ? [`agent:${agents.join(",")}`] : undefined;
      await navigate({ to: "/jobs", search: { filter } });
    },
  });
  const { at, rest } = problemsByField(run.error ? asProblem(run.error).fields : [], FIELDS);
  const general = run.error && (rest.length > 0 || Object.keys(at).length === 0 || at.payload);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const part = missingPart(draft);
    setIncomplete(part);
    if (part === undefined) {
      run.mutate(toRequest(draft));
    }
  };

  return (
    <form onSubmit={submit} className={classes.form} noValidate onChange={() => run.error && run.reset()}>
      <Panel title="On which hosts">
        <HostPicker draft={draft} onChange={change} error={at.targets} />
      </Panel>
      <Panel title="What to run">
        <WorkFields draft={draft} onChange={change} errors={at} />
      </Panel>
      <Panel title="How">
        <div className={classes.how}>
          <NativeSelect
            label="Priority"
            value={draft.priority}
            error={at.priority}
            onChange={(event) => {
              const chosen = event.currentTarget.value;
              if (chosen === "critical" || chosen === "high" || chosen === "normal") {
                change({ priority: chosen });
              }
            }}
            data={Object.entries(PRIORITY).map(([value, { label }]) => ({ value, label }))}
          />
          <NumberInput
            label="Timeout in seconds"
            min={1}
            max={604_800}
            clampBehavior="none"
            allowDecimal={false}
            value={draft.timeout}
            error={at.timeout_seconds}
            onChange={(timeout) => change({ timeout })}
          />
          <TextInput
            label="Not before"
            type="datetime-local"
            step={1}
            value={draft.notBefore}
            error={at.not_before}
            onChange={(event) => change({ notBefore: event.currentTarget.value })}
          />
          <TextInput
            label="Folder to start in"
            placeholder="a folder of its own"
            value={draft.folder}
            error={at["payload.working_directory"]}
            onChange={(event) => change({ folder: event.currentTarget.value })}
          />
        </div>
      </Panel>
      {general ? <ProblemAlert error={run.error} omitFields={[]} /> : null}
      {incomplete && missingPart(draft) === incomplete && (
        <p className={classes.incomplete} role="alert">
          {incomplete}.
        </p>
      )}
      <Group gap="xs">
        <Button
          type="submit"
          size="sm"
          loading={run.isPending}
          leftSection={<IconPlayerPlay size={16} aria-hidden />}
        >
          Run
        </Button>
        <Button variant="default" size="sm" onClick={() => window.history.back()}>
          Cancel
        </Button>
      </Group>
    </form>
  );
}
