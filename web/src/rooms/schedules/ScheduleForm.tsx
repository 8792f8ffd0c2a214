import { Button, SegmentedControl } from "@mantine/core";
import { IconBolt, IconCode, IconDeviceFloppy, IconSitemap, IconTerminal2 } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer, asProblem, problemsByField } from "~/api/problem";
import type { Parameter, Schedule, ScheduleCreate, ScheduleUpdate } from "~/api/types";
import { useSession } from "~/app/session";
import { HostPicker } from "~/rooms/agents/HostPicker";
import { CopyCommands } from "~/rooms/jobs/CopyCommands";
import { HowFields } from "~/rooms/jobs/HowFields";
import form from "~/rooms/jobs/RunForm.module.css";
import { WorkFields } from "~/rooms/jobs/WorkFields";
import { NameFields } from "~/rooms/scripts/saved/NameFields";
import { SavedScriptFields } from "~/rooms/scripts/saved/SavedScriptFields";
import { useChosenScript } from "~/rooms/scripts/saved/useChosenScript";
import { Notice } from "~/ui/Notice";
import { Panel } from "~/ui/Page";
import { ProblemAlert } from "~/ui/states";
import { TileChoice } from "~/ui/TileChoice";
import { scheduleKey, scheduleOptions } from "./api";
import { applyCommand, createCurl, updateCurl } from "./copy";
import {
  asksHosts,
  hasOwnWay,
  isRedefined,
  missingName,
  missingSchedule,
  type ScheduleDraft,
  toCreate,
  toUpdate,
  type WorkKind,
} from "./draft";
import { NewerEdit } from "./NewerEdit";
import { inputs, problemFields } from "./problems";
import { RuleFields } from "./RuleFields";
import { SavedActionFields, useChosenAction } from "./SavedActionFields";
import { ownHostsWords, useChosenWorkflow, WorkflowFields } from "./WorkflowFields";
import { WhenFields } from "./when/WhenFields";

const KINDS: { value: WorkKind; label: string; icon: typeof IconCode }[] = [
  { value: "job", label: "Job", icon: IconTerminal2 },
  { value: "script", label: "Saved script", icon: IconCode },
  { value: "action", label: "Action", icon: IconBolt },
  { value: "workflow", label: "Workflow", icon: IconSitemap },
];

const DEFAULT_TIMEOUT_SECONDS = 300;
const NONE: Parameter[] = [];

interface ScheduleFormProps {
  start: ScheduleDraft;
  /** The one that is changed; a new one when absent. */
  schedule?: Schedule;
  onSaved: (schedule: Schedule) => void;
  /** Somebody takes what is there by now, and drops the edit. */
  onReload?: () => void;
}

export function ScheduleForm({ start, schedule: shown, onSaved, onReload }: ScheduleFormProps) {
  const client = useQueryClient();
  const intent = useIntent();
  const { user } = useSession();
  // What is sent is what the person changed, whatever became of it on the server meanwhile.
  const [begun] = useState(start);
  const [schedule] = useState(shown);
  const [basedOn, setBasedOn] = useState(schedule?.updated_at);
  const [draft, setDraft] = useState(begun);
  const [incomplete, setIncomplete] = useState<string>();
  const chosen = useChosenScript(draft.script);
  const action = useChosenAction(draft.action);
  const workflow = useChosenWorkflow(draft.workflow);
  const kept = schedule?.secrets ?? NO_SECRETS;
  const asked =
    draft.kind === "action" ? action.asks : draft.kind === "workflow" ? workflow.asks : chosen.parameters;
  const parameters = asked ?? NONE;
  const redefined = !schedule || isRedefined(draft, begun, parameters);
  // What cannot run as it is can still be named.
  const missingOfAll = missingSchedule(draft, asked, kept);
  const missing = redefined ? missingOfAll : missingName(draft);
  const whole = () => toCreate(draft, parameters, kept, schedule?.paused ?? false);
  const request = (): Request =>
    schedule
      ? { id: schedule.id, body: { ...toUpdate(draft, begun, parameters, schedule), based_on: basedOn } }
      : { id: undefined, body: whole() };

  const save = useMutation({
    mutationFn: (sent: Request) => send(sent, intent.headers(sent)),
    onSuccess: async (saved) => {
      intent.done();
      await client.invalidateQueries({ queryKey: scheduleKey });
      onSaved(saved);
    },
  });
  const change = (part: Partial<ScheduleDraft>) => {
    setDraft((before) => ({ ...before, ...part }));
    if (save.error) {
      save.reset();
    }
  };
  const outrun = save.error !== null && asProblem(save.error).code === "newer_schedule";
  const { at, rest } = problemsByField<string>(
    save.error ? problemFields(save.error, draft.kind) : [],
    inputs(draft, parameters),
  );
  const general = save.error && !outrun && (rest.length > 0 || Object.keys(at).length === 0);
  const frame = useRef<HTMLFormElement>(null);
  // What was refused may be far above the button.
  useEffect(() => {
    if (save.error) {
      frame.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
    }
  }, [save.error]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIncomplete(missing);
    if (missing === undefined) {
      save.mutate(request());
    }
  };

  return (
    <form ref={frame} onSubmit={submit} className={form.form} noValidate>
      <Panel title="Schedule">
        <div className={form.fields}>
          <NameFields draft={draft} onChange={change} errors={at} isNew={!schedule} />
        </div>
      </Panel>
      <Panel title="When">
        <WhenFields draft={draft} onChange={change} errors={at} />
      </Panel>
      <Panel title="What to run">
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
          ) : draft.kind === "action" ? (
            <SavedActionFields
              draft={draft.action}
              onChange={(next) => change({ action: next })}
              chosen={action}
              kept={kept}
              errors={at}
            />
          ) : draft.kind === "workflow" ? (
            <WorkflowFields
              draft={draft.workflow}
              onChange={(next) => change({ workflow: next })}
              chosen={workflow}
              kept={kept}
              errors={at}
            />
          ) : (
            <SavedScriptFields
              draft={draft.script}
              onChange={(script) => change({ script })}
              chosen={chosen}
              kept={kept}
              errors={at}
            />
          )}
          {kept.length > 0 && (
            <p className={form.help}>
              Kept on the server: {kept.join(", ")}. Left empty, they stay as long as the work and the hosts
              stay; new ones replace all of them.
            </p>
          )}
        </div>
      </Panel>
      {draft.kind !== "action" && (
        <Panel
          title="On which hosts"
          aside={
            draft.kind === "workflow" && (
              <SegmentedControl
                size="xs"
                aria-label="Whose hosts"
                value={draft.ownHosts ? "own" : "others"}
                onChange={(value) => change({ ownHosts: value === "own" })}
                data={[
                  { value: "own", label: "As the workflow says" },
                  { value: "others", label: "Others" },
                ]}
              />
            )
          }
        >
          {asksHosts(draft) ? (
            <HostPicker draft={draft.targets} onChange={(targets) => change({ targets })} errors={at} />
          ) : (
            <p className={form.help}>{ownHostsWords(workflow)}</p>
          )}
        </Panel>
      )}
      {!hasOwnWay(draft.kind) && (
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
      )}
      <Panel title="Rules and limits">
        <RuleFields draft={draft} onChange={change} errors={at} />
      </Panel>
      <CopyCommands
        cliHint="Makes it, or changes the one of this name. Secrets come from variables."
        commands={
          missingOfAll === undefined ? { cli: applyCommand(whole()), curl: curl(request()) } : undefined
        }
      />
      {schedule && schedule.owner !== user.username && (
        <Notice tone="warn" title={`It runs on the account of ${schedule.owner}`} role="status">
          {redefined
            ? "Once you save it, it runs on yours, with your rights."
            : "It stays so as long as you change its name and description only."}
        </Notice>
      )}
      {outrun && schedule && onReload && (
        <NewerEdit
          error={save.error}
          newest={() => client.fetchQuery({ ...scheduleOptions(schedule.id), staleTime: 0 })}
          onReload={onReload}
          onRebase={({ updated_at }) => {
            setBasedOn(updated_at);
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
          {schedule ? "Save" : "Create schedule"}
        </Button>
        <Button variant="default" size="sm" onClick={() => window.history.back()}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

const NO_SECRETS: string[] = [];

type Request = { id: undefined; body: ScheduleCreate } | { id: number; body: ScheduleUpdate };

function send({ id, body }: Request, headers: { "Idempotency-Key": string }): Promise<Schedule> {
  return id === undefined
    ? answer(api.POST("/api/v1/schedules", { body, headers }))
    : answer(api.PATCH("/api/v1/schedules/{id}", { params: { path: { id } }, body }));
}

const curl = ({ id, body }: Request): string =>
  id === undefined ? createCurl(window.location.origin, body) : updateCurl(window.location.origin, id, body);
