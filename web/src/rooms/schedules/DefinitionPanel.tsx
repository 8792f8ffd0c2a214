import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Schedule, ScheduledWork } from "~/api/types";
import { targetWords } from "~/rooms/agents/targets";
import { amountText } from "~/rooms/jobs/how";
import { WorkPanel } from "~/rooms/jobs/WorkPanel";
import { actorName, PRIORITY } from "~/rooms/jobs/words";
import { scriptOptions } from "~/rooms/scripts/api";
import { duration } from "~/ui/format";
import { Facts, Panel } from "~/ui/Page";
import { RelativeTime } from "~/ui/RelativeTime";
import { calendarOptions } from "./api";
import { runsText } from "./columns";
import classes from "./SchedulePage.module.css";
import { wallText } from "./when/zones";
import { BLACKOUT_TICK, MISSED, OVERLAP } from "./words";

type Fact = [string, ReactNode];

/** When, with which rules, on whose account. */
export function RulesPanel({ schedule }: { schedule: Schedule }) {
  const { definition } = schedule;
  const zone = definition.zone ?? "UTC";
  const facts: Fact[] = [
    ["Cron", <code key="cron">{definition.cron}</code>],
    ["Time zone", zone],
    ["Next run", <RelativeTime key="next" at={schedule.next_at} empty="–" />],
    ...(schedule.waiting ? ([["Waits", `the tick of ${wallText(schedule.waiting, zone)}`]] as Fact[]) : []),
    ["Runs", runsText(schedule)],
    ["Last run", <LastRun key="last" id={schedule.last_execution_id} />],
    ["If still running", OVERLAP[definition.overlap ?? "skip"].label],
    ["If missed", MISSED[definition.missed ?? "skip"].label],
    ["Blackout", <Blackout key="blackout" schedule={schedule} />],
    ...(definition.ends_at ? ([["No tick after", wallText(definition.ends_at, zone)]] as Fact[]) : []),
    ["Runs as", schedule.owner],
    ["Changed", <Changed key="changed" schedule={schedule} />],
  ];
  return (
    <Panel title="Rules">
      <Facts facts={facts} />
    </Panel>
  );
}

function LastRun({ id }: { id: number | null | undefined }) {
  return id ? (
    <Link to="/executions/$executionId" params={{ executionId: String(id) }} className="link">
      Execution {id}
    </Link>
  ) : (
    <span className="dim">none yet</span>
  );
}

function Changed({ schedule: { updated_at: at, updated_by: by } }: { schedule: Schedule }) {
  return (
    <>
      <RelativeTime at={at} /> by {actorName(by)}
    </>
  );
}

function Blackout({ schedule: { definition } }: { schedule: Schedule }) {
  const rule = definition.blackout;
  const { data: calendar } = useQuery({ ...calendarOptions(rule?.calendar_id ?? 0), enabled: Boolean(rule) });
  if (!rule) {
    return <span className="dim">none</span>;
  }
  const name = calendar?.name ?? `calendar ${rule.calendar_id}`;
  return (
    <>
      <Link to="/calendars" search={{ q: calendar?.name }} className="link">
        {name}
      </Link>
      <div className="dim">{BLACKOUT_TICK[rule.tick].label}</div>
    </>
  );
}

/** On which hosts and how. */
export function TargetsPanel({ schedule: { definition } }: { schedule: Schedule }) {
  const { priority, timeout_seconds: timeout, rolling, concurrency } = definition;
  const facts: Fact[] = [
    [
      "Hosts",
      <span key="hosts" className="mono">
        {targetWords(definition.targets)}
      </span>,
    ],
    ["Priority", priority ? PRIORITY[priority].label : "Standard"],
    ["Timeout", timeout ? duration(timeout * 1_000) : "Standard"],
    ...(rolling ? ([["In batches", rollingWords(rolling)]] as Fact[]) : []),
    ...(concurrency ? ([["Concurrency", `${concurrency.key}, per ${concurrency.per}`]] as Fact[]) : []),
  ];
  return (
    <Panel title="Hosts">
      <Facts facts={facts} />
    </Panel>
  );
}

function rollingWords(rolling: NonNullable<Schedule["definition"]["rolling"]>): string {
  const { batch, pause_seconds: pause, stop_after: stop } = rolling;
  return [
    `of ${amountText(batch)}`,
    pause ? `with ${duration(pause * 1_000)} between them` : "",
    stop ? `stops after ${amountText(stop)} failed` : "",
  ]
    .filter(Boolean)
    .join(", ");
}

/** What runs. Of secrets only the names are known. */
export function ScheduledWorkPanel({ schedule: { definition, secrets } }: { schedule: Schedule }) {
  const { work } = definition;
  switch (work.kind) {
    case "job":
      return (
        <>
          <WorkPanel job={{ type: work.job.type, payload: work.job.payload }} />
          {work.job.type !== "script" && secrets.length > 0 && (
            <Panel title="Secrets">
              <Secrets names={secrets} />
            </Panel>
          )}
        </>
      );
    case "script":
      return <SavedScriptPanel work={work} secrets={secrets} />;
    default:
      return <Panel title="Work">This page does not know this kind of work. The CLI shows it.</Panel>;
  }
}

interface SavedScriptPanelProps {
  work: Extract<ScheduledWork, { kind: "script" }>;
  secrets: string[];
}

function SavedScriptPanel({ work, secrets }: SavedScriptPanelProps) {
  const { data: script } = useQuery(scriptOptions(work.script_id));
  const parameters = Object.entries(work.parameters ?? {});
  return (
    <Panel title="Saved script">
      <Facts
        facts={[
          [
            "Script",
            <Link
              key="script"
              to="/scripts/$scriptId"
              params={{ scriptId: String(work.script_id) }}
              className="link"
            >
              {script?.name ?? `Script ${work.script_id}`}
            </Link>,
          ],
          ["Version", work.version ?? "The newest at each tick"],
        ]}
      />
      {parameters.length > 0 && (
        <dl className={classes.parameters}>
          {parameters.map(([name, value]) => (
            <div key={name}>
              <dt>
                <code>{name}</code>
              </dt>
              <dd>
                <code>{String(value)}</code>
              </dd>
            </div>
          ))}
        </dl>
      )}
      {secrets.length > 0 && <Secrets names={secrets} />}
    </Panel>
  );
}

function Secrets({ names }: { names: string[] }) {
  return (
    <dl className={classes.parameters} aria-label="Secrets">
      {names.map((name) => (
        <div key={name}>
          <dt>
            <code>{name}</code>
          </dt>
          <dd className="dim">secret</dd>
        </div>
      ))}
    </dl>
  );
}
