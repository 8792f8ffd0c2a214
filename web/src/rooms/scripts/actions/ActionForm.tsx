import { Button } from "@mantine/core";
import { IconCode, IconDeviceFloppy, IconTerminal2 } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer, asProblem, problemsByField } from "~/api/problem";
import type { ActionCreate, ActionDetail, Parameter } from "~/api/types";
import { HostPicker } from "~/rooms/agents/HostPicker";
import { CopyCommands } from "~/rooms/jobs/CopyCommands";
import { HowFields } from "~/rooms/jobs/HowFields";
import form from "~/rooms/jobs/RunForm.module.css";
import { WorkFields } from "~/rooms/jobs/WorkFields";
import { Panel } from "~/ui/Page";
import { ErrorState, LoadingLines, ProblemAlert } from "~/ui/states";
import { TileChoice } from "~/ui/TileChoice";
import { NameFields } from "../saved/NameFields";
import { ScriptChoice } from "../saved/SavedScriptFields";
import { useChosenScript } from "../saved/useChosenScript";
import { actionKey } from "./api";
import { actionCurl, applyCommand } from "./copy";
import { type ActionDraft, emptyFixed, missingAction, toCreate, type WorkKind } from "./draft";
import { FixedParameters } from "./FixedParameters";
import { NewerDraft } from "./NewerDraft";
import { OpenParameters } from "./OpenParameters";
import { inputs, problemFields } from "./problems";
import { RunnersField } from "./RunnersField";

const KINDS: { value: WorkKind; label: string; icon: typeof IconCode }[] = [
  { value: "job", label: "Job", icon: IconTerminal2 },
  { value: "script", label: "Saved script", icon: IconCode },
];

const DEFAULT_TIMEOUT_SECONDS = 300;
const NONE: Parameter[] = [];
const NO_SECRETS: string[] = [];

interface ActionFormProps {
  start: ActionDraft;
  /** The one whose draft is changed; a new one when absent. */
  action?: ActionDetail;
  onSaved: (action: ActionDetail) => void;
  /** Begins again with what the server has now. */
  onReload?: (newest: ActionDetail) => void;
}

export function ActionForm({ start, action, onSaved, onReload }: ActionFormProps) {
  const client = useQueryClient();
  const intent = useIntent();
  const [draft, setDraft] = useState(start);
  /** What the edit is based on: a newer draft once somebody has said so. */
  const [base, setBase] = useState(action);
  const [incomplete, setIncomplete] = useState<string>();
  const chosen = useChosenScript(draft.script);
  const kept = base?.draft_secrets ?? NO_SECRETS;
  const parameters = chosen.parameters ?? NONE;
  const missing = missingAction(draft, chosen.parameters, kept);
  const body = missing === undefined ? toCreate(draft, parameters, kept) : undefined;

  const save = useMutation({
    mutationFn: (request: ActionCreate) => send(request, base, intent.headers(request)),
    onSuccess: async (saved) => {
      intent.done();
      await client.invalidateQueries({ queryKey: actionKey });
      onSaved(saved);
    },
  });
  const change = (part: Partial<ActionDraft>) => {
    setDraft((before) => ({ ...before, ...part }));
    if (save.error) {
      save.reset();
    }
  };
  const outrun = save.error !== null && asProblem(save.error).code === "newer_draft";
  const { at, rest } = problemsByField<string>(
    save.error ? problemFields(save.error, draft.kind, kept) : [],
    inputs(draft, parameters, kept),
  );
  const general = save.error && !outrun && (rest.length > 0 || Object.keys(at).length === 0);
  const frame = useRef<HTMLFormElement>(null);
  // What was refused may be far above the button.
  useEffect(() => {
    if (save.error) {
      const refused = frame.current?.querySelector<HTMLElement>("[aria-invalid=true], [data-refused]");
      refused?.focus();
      refused?.scrollIntoView({ block: "center" });
    }
  }, [save.error]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIncomplete(missing);
    if (body !== undefined) {
      save.mutate(body);
    }
  };

  return (
    <form ref={frame} onSubmit={submit} className={form.form} noValidate>
      <Panel title="Action">
        <div className={form.fields}>
          <NameFields draft={draft} onChange={change} errors={at} isNew={!action} />
        </div>
      </Panel>
      <Panel title="What it does">
        <div className={form.work}>
          <TileChoice
            label="Kind of work"
            value={draft.kind}
            tiles={KINDS}
            onChange={(kind) => change({ kind })}
          />
          {draft.kind === "job" ? (
            <WorkFields
              draft={draft.work}
              onChange={(part) => change({ work: { ...draft.work, ...part } })}
              errors={at}
            />
          ) : (
            <ScriptChoice
              draft={draft.script}
              script={chosen.script}
              newest="The newest at each run"
              onScript={(id) => change({ script: emptyFixed(id) })}
              onVersion={(version) => change({ script: { ...draft.script, version } })}
              errors={at}
            />
          )}
          {kept.length > 0 && <Kept names={kept} problem={at["secrets"]} />}
        </div>
      </Panel>
      {draft.kind === "job" ? (
        <Panel title="Open parameters">
          <OpenParameters draft={draft} onChange={change} errors={at} />
        </Panel>
      ) : (
        draft.script.id !== undefined && (
          <Panel title="Parameters">
            {chosen.error ? (
              <ErrorState error={chosen.error} onRetry={chosen.retry} />
            ) : chosen.parameters ? (
              <FixedParameters
                parameters={chosen.parameters}
                draft={draft.script}
                onChange={(part) => change({ script: { ...draft.script, ...part } })}
                kept={kept}
                errors={at}
              />
            ) : (
              <LoadingLines lines={3} />
            )}
          </Panel>
        )
      )}
      <Panel title="On which hosts">
        <HostPicker draft={draft.targets} onChange={(targets) => change({ targets })} errors={at} />
      </Panel>
      <Panel title="How">
        <HowFields
          withoutNotBefore
          type={draft.kind === "job" ? draft.work.type : "script"}
          timeoutSeconds={(draft.kind === "script" && chosen.timeoutSeconds) || DEFAULT_TIMEOUT_SECONDS}
          concurrency={draft.kind === "script" ? chosen.concurrency : undefined}
          draft={draft.how}
          onChange={(how) => change({ how })}
          errors={at}
        />
      </Panel>
      <Panel title="Who may run it">
        <RunnersField
          runners={draft.runners}
          onChange={(runners) => change({ runners })}
          error={at["definition.runners"]}
        />
      </Panel>
      <CopyCommands
        cliHint="Makes it, or changes the draft of the one of this name. Secrets come from variables."
        commands={
          body && { cli: applyCommand(body), curl: actionCurl(window.location.origin, body, action?.id) }
        }
      />
      {outrun && action && onReload && (
        <NewerDraft
          id={action.id}
          mine={body?.definition}
          onReload={onReload}
          onRebase={(newest) => {
            setBase(newest);
            save.reset();
          }}
        />
      )}
      {general ? <ProblemAlert error={save.error} /> : null}
      {incomplete && missing === incomplete && (
        <p className="problem" role="alert">
          {incomplete}.
        </p>
      )}
      <div className={form.bar}>
        <Button
          type="submit"
          size="sm"
          loading={save.isPending}
          leftSection={<IconDeviceFloppy size={16} aria-hidden />}
        >
          {action ? "Save the draft" : "Create action"}
        </Button>
        <Button variant="default" size="sm" onClick={() => window.history.back()}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

/** Secrets that the server has; nobody sees them again. */
function Kept({ names, problem }: { names: string[]; problem: string | undefined }) {
  return (
    <>
      <p className={form.help}>
        Kept on the server: {names.join(", ")}. Left empty, they stay as long as what they are used for stays;
        new ones replace all of them.
      </p>
      {problem && (
        <p className="problem" role="alert" data-refused tabIndex={-1}>
          The kept secrets {problem}.
        </p>
      )}
    </>
  );
}

function send(
  request: ActionCreate,
  base: ActionDetail | undefined,
  headers: { "Idempotency-Key": string },
): Promise<ActionDetail> {
  if (!base) {
    return answer(api.POST("/api/v1/actions", { body: request, headers }));
  }
  const { name, description = "", definition, secrets } = request;
  return answer(
    api.PATCH("/api/v1/actions/{id}", {
      params: { path: { id: base.id } },
      body: { name, description, definition, based_on: base.draft_sha256, ...(secrets ? { secrets } : {}) },
    }),
  );
}
