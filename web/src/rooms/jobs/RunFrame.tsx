import { Button } from "@mantine/core";
import { IconEye, IconPlayerPlay } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useMemo, useState } from "react";
import { useIntent } from "~/api/intent";
import { asProblem, problemsByField } from "~/api/problem";
import type { JobPreview, JobsCreated, Targets } from "~/api/types";
import { HostPicker, TARGET_FIELDS } from "~/rooms/agents/HostPicker";
import { missingTargets, type TargetDraft, toTargets } from "~/rooms/agents/targets";
import { Panel } from "~/ui/Page";
import { ProblemAlert } from "~/ui/states";
import { jobKey } from "./api";
import { CopyCommands } from "./CopyCommands";
import { GeneratedPassword } from "./GeneratedPassword";
import { HowFields } from "./HowFields";
import { HOW_FIELDS, type HowDraft, missingHow, toHow } from "./how";
import { PreviewPanel } from "./PreviewPanel";
import classes from "./RunForm.module.css";

export type FieldErrors = Record<string, string | undefined>;
type Shared = { targets: Targets } & ReturnType<typeof toHow>;

interface RunFrameProps<Body> {
  start: { targets: TargetDraft; how: HowDraft };
  /** Where, beside hosts and how, the server's problems have an input. */
  fields: readonly string[];
  /** What of the work is missing. */
  missing: string | undefined;
  /** Makes the request; must not change between renders unless the work does. */
  build: (shared: Shared) => Body;
  preview: (body: Body) => Promise<JobPreview>;
  run: (body: Body, headers: { "Idempotency-Key": string }) => Promise<JobsCreated>;
  commands: (body: Body) => { cli: string; curl: string };
  onRun: (created: JobsCreated) => void;
  how: Omit<Parameters<typeof HowFields>[0], "draft" | "onChange" | "errors">;
  children: (errors: FieldErrors) => ReactNode;
}

/** What every run form has: hosts, the work, how, a look before, and the same as a command. */
export function RunFrame<Body>(props: RunFrameProps<Body>) {
  const client = useQueryClient();
  const intent = useIntent();
  const [targets, setTargets] = useState(props.start.targets);
  const [how, setHow] = useState(props.start.how);
  const [incomplete, setIncomplete] = useState<string>();
  const [created, setCreated] = useState<JobsCreated>();
  const { build, missing: missingWork } = props;
  const missing = missingTargets(targets) ?? missingWork ?? missingHow(how);
  const body = useMemo(
    () => (missing === undefined ? build({ targets: toTargets(targets), ...toHow(how) }) : undefined),
    [missing, build, targets, how],
  );

  const preview = useMutation({ mutationFn: props.preview });
  const run = useMutation({
    mutationFn: (request: Body) => props.run(request, intent.headers(request)),
    onSuccess: (answer) => {
      intent.done();
      void client.invalidateQueries({ queryKey: jobKey });
      if (answer.generated_password) {
        setCreated(answer);
      } else {
        props.onRun(answer);
      }
    },
  });
  const failed = run.error ?? preview.error;
  const names = [...TARGET_FIELDS, ...HOW_FIELDS, ...props.fields];
  const { at, rest } = problemsByField<string>(failed ? asProblem(failed).fields : [], names);
  const general = failed && (rest.length > 0 || Object.keys(at).length === 0);
  const forget = () => {
    run.reset();
    preview.reset();
  };
  const tell = (change: typeof run.mutate | typeof preview.mutate) => {
    setIncomplete(missing);
    forget();
    if (body !== undefined) {
      change(body);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    tell(run.mutate);
  };
  // A preview of something else is worse than none.
  const current = preview.data && preview.variables === body ? preview.data : undefined;

  return (
    <form onSubmit={submit} className={classes.form} noValidate onChange={() => failed && forget()}>
      <Panel title="On which hosts">
        <HostPicker draft={targets} onChange={setTargets} errors={at} />
      </Panel>
      {props.children(at)}
      <Panel title="How">
        <HowFields {...props.how} draft={how} onChange={setHow} errors={at} />
      </Panel>
      <CopyCommands commands={body === undefined ? undefined : props.commands(body)} />
      {current && <PreviewPanel preview={current} />}
      {general ? <ProblemAlert error={failed} omitFields={[]} /> : null}
      {incomplete && missing === incomplete && (
        <p className="problem" role="alert">
          {incomplete}.
        </p>
      )}
      <div className={classes.bar}>
        <Button
          type="submit"
          size="sm"
          loading={run.isPending}
          leftSection={<IconPlayerPlay size={16} aria-hidden />}
        >
          Run
        </Button>
        <Button
          variant="default"
          size="sm"
          loading={preview.isPending}
          leftSection={<IconEye size={16} aria-hidden />}
          onClick={() => tell(preview.mutate)}
        >
          Preview
        </Button>
        <Button variant="default" size="sm" onClick={() => window.history.back()}>
          Cancel
        </Button>
      </div>
      <GeneratedPassword
        value={created?.generated_password ?? undefined}
        onClose={() => {
          if (created) {
            props.onRun(created);
          }
        }}
      />
    </form>
  );
}
