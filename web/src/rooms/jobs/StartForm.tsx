import { Button } from "@mantine/core";
import { IconEye, IconPlayerPlay } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { useIntent } from "~/api/intent";
import { asProblem, problemsByField } from "~/api/problem";
import type { JobPreview, JobsCreated } from "~/api/types";
import { ProblemAlert } from "~/ui/states";
import { jobKey } from "./api";
import { CopyCommands } from "./CopyCommands";
import { GeneratedPassword } from "./GeneratedPassword";
import { PreviewPanel } from "./PreviewPanel";
import classes from "./RunForm.module.css";

export type FieldErrors = Record<string, string | undefined>;

export interface StartFormProps<Body> {
  /** Where the server's problems have an input. */
  fields: readonly string[];
  missing: string | undefined;
  /** Absent while something is missing; must not change between renders unless the work does. */
  body: Body | undefined;
  preview: (body: Body) => Promise<JobPreview>;
  run: (body: Body, headers: { "Idempotency-Key": string }) => Promise<JobsCreated>;
  commands: (body: Body) => { cli: string; curl: string };
  onRun: (created: JobsCreated) => void;
  children: (errors: FieldErrors) => ReactNode;
}

/** What every form has that starts jobs: a look before, and the same as a command. */
export function StartForm<Body>(props: StartFormProps<Body>) {
  const client = useQueryClient();
  const intent = useIntent();
  const [incomplete, setIncomplete] = useState<string>();
  const [created, setCreated] = useState<JobsCreated>();
  const { body, missing } = props;

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
  const { at, rest } = problemsByField<string>(failed ? asProblem(failed).fields : [], props.fields);
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
      {props.children(at)}
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
