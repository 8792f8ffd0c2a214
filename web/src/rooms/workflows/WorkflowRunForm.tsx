import { Button, SegmentedControl } from "@mantine/core";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer, asProblem, problemsByField } from "~/api/problem";
import type { InstanceCreate, Targets, WorkflowDetail } from "~/api/types";
import { HostPicker, TARGET_FIELDS } from "~/rooms/agents/HostPicker";
import { HostsPreview } from "~/rooms/agents/HostsPreview";
import { emptyTargets, missingTargets, targetsFrom, targetWords, toTargets } from "~/rooms/agents/targets";
import { CopyCommands } from "~/rooms/jobs/CopyCommands";
import form from "~/rooms/jobs/RunForm.module.css";
import { ParameterInputs } from "~/rooms/scripts/ParameterInputs";
import { emptyErrors, initialTexts, missingParameter } from "~/rooms/scripts/parameters";
import { Panel } from "~/ui/Page";
import { ProblemAlert } from "~/ui/states";
import { instanceKey } from "./api";
import { inputField, startCommand, startCurl, startRequest } from "./run";
import classes from "./workflows.module.css";

interface WorkflowRunFormProps {
  workflow: WorkflowDetail;
  /** Its draft instead of the published version. */
  draft: boolean;
  onDraft: (draft: boolean) => void;
}

export function WorkflowRunForm({ workflow, draft, onDraft }: WorkflowRunFormProps) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const intent = useIntent();
  const definition = draft ? workflow.draft : (workflow.published?.definition ?? workflow.draft);
  const inputs = definition.inputs ?? [];
  const [texts, setTexts] = useState(() => initialTexts(inputs));
  const [others, setOthers] = useState(false);
  const [targets, setTargets] = useState(emptyTargets);
  const [incomplete, setIncomplete] = useState<string>();
  const missing = missingParameter(inputs, texts) ?? (others ? missingTargets(targets) : undefined);
  const request =
    missing === undefined
      ? startRequest({ inputs, texts, draft, hosts: others ? toTargets(targets) : undefined })
      : undefined;

  const start = useMutation({
    mutationFn: (body: InstanceCreate) =>
      answer(
        api.POST("/api/v1/workflows/{id}/instances", {
          params: { path: { id: workflow.id } },
          body,
          headers: intent.headers({ id: workflow.id, ...body }),
        }),
      ),
    onSuccess: (made) => {
      intent.done();
      void client.invalidateQueries({ queryKey: instanceKey });
      void navigate({ to: "/instances/$instanceId", params: { instanceId: String(made.id) } });
    },
  });
  const fields = start.error
    ? asProblem(start.error).fields.map(({ field, message }) => ({ field: inputField(field), message }))
    : [];
  const { at, rest } = problemsByField<string>(fields, [
    ...inputs.map(({ name }) => `parameters.${name}`),
    ...TARGET_FIELDS,
  ]);
  const general = start.error && (rest.length > 0 || Object.keys(at).length === 0);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIncomplete(missing);
    if (request) {
      start.mutate(request);
    }
  };
  return (
    <form onSubmit={submit} className={form.form} noValidate onChange={() => start.error && start.reset()}>
      <Panel
        title="Inputs"
        aside={
          workflow.published && (
            <SegmentedControl
              size="xs"
              aria-label="What to run"
              value={draft ? "draft" : "published"}
              onChange={(value) => onDraft(value === "draft")}
              data={[
                { value: "published", label: `Version ${workflow.published.version}` },
                { value: "draft", label: "Draft" },
              ]}
            />
          )
        }
      >
        <ParameterInputs
          parameters={inputs}
          texts={texts}
          onChange={setTexts}
          errors={incomplete ? { ...at, ...emptyErrors(inputs, texts) } : at}
          empty="It asks for nothing."
        />
      </Panel>
      <Panel
        title="On which hosts"
        aside={
          <SegmentedControl
            size="xs"
            aria-label="Whose hosts"
            value={others ? "others" : "own"}
            onChange={(value) => setOthers(value === "others")}
            data={[
              { value: "own", label: "As the workflow says" },
              { value: "others", label: "Others" },
            ]}
          />
        }
      >
        {others ? (
          <HostPicker draft={targets} onChange={setTargets} errors={at} />
        ) : (
          <OwnHosts hosts={definition.hosts ?? undefined} />
        )}
      </Panel>
      <CopyCommands
        commands={
          request && {
            cli: startCommand(workflow.name, request),
            curl: startCurl(window.location.origin, workflow.id, request),
          }
        }
      />
      {general ? <ProblemAlert error={start.error} /> : null}
      {incomplete && missing === incomplete && (
        <p className="problem" role="alert">
          {incomplete}.
        </p>
      )}
      <div className={form.bar}>
        <Button
          type="submit"
          size="sm"
          loading={start.isPending}
          leftSection={<IconPlayerPlay size={16} aria-hidden />}
        >
          Run
        </Button>
        <Button variant="default" size="sm" onClick={() => window.history.back()}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

/** Steps that name hosts of their own keep them, whoever starts it. */
function OwnHosts({ hosts }: { hosts: Targets | undefined }) {
  if (!hosts) {
    return (
      <p className={classes.note}>
        It names no hosts. Steps that need some and name none themselves fail: choose others, unless all of
        its steps name their own.
      </p>
    );
  }
  return (
    <div className={form.work}>
      <span>{targetWords(hosts)}</span>
      <HostsPreview draft={targetsFrom(hosts)} />
    </div>
  );
}
