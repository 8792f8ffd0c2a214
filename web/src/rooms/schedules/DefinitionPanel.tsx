import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Schedule, ScheduledWork } from "~/api/types";
import { targetWords } from "~/rooms/agents/targets";
import { howFacts } from "~/rooms/jobs/howFacts";
import { WorkPanel } from "~/rooms/jobs/WorkPanel";
import { actorName } from "~/rooms/jobs/words";
import { actionOptions } from "~/rooms/scripts/actions/api";
import { ParameterFacts, SavedScriptPanel } from "~/rooms/scripts/saved/SavedScriptPanel";
import { workflowOptions } from "~/rooms/workflows/api";
import { Facts, Panel } from "~/ui/Page";
import { RelativeTime } from "~/ui/RelativeTime";
import { calendarOptions } from "./api";
import { runsText } from "./columns";
import { hasOwnWay, namesHosts } from "./draft";
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
    ...(schedule.waiting
      ? ([
          ["Waits", <Waits key="waits" at={schedule.waiting} why={schedule.waiting_reason} zone={zone} />],
        ] as Fact[])
      : []),
    ["Runs", runsText(schedule)],
    ["Last run", <LastRun key="last" schedule={schedule} />],
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

function Waits({ at, why, zone }: { at: string; why: string | null | undefined; zone: string }) {
  return (
    <>
      the tick of {wallText(at, zone)}
      {why && <div className="dim">{why}</div>}
    </>
  );
}

function LastRun({
  schedule: { last_execution_id: id, last_instance_id: instance },
}: {
  schedule: Schedule;
}) {
  if (instance) {
    return (
      <Link to="/instances/$instanceId" params={{ instanceId: String(instance) }} className="link">
        Instance {instance}
      </Link>
    );
  }
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
  const { targets } = definition;
  const own = hasOwnWay(definition.work.kind);
  if (!targets || (own && !namesHosts(definition))) {
    return null;
  }
  return (
    <Panel title="Hosts">
      {own ? targetWords(targets) : <Facts facts={howFacts({ ...definition, targets })} />}
    </Panel>
  );
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
              <ParameterFacts values={{}} secrets={secrets} />
            </Panel>
          )}
        </>
      );
    case "script":
      return <SavedScriptPanel work={work} secrets={secrets} newest="The newest at each tick" />;
    case "action":
      return <ActionPanel work={work} secrets={secrets} />;
    case "workflow":
      return <WorkflowPanel work={work} secrets={secrets} />;
    default:
      return <Panel title="Work">This page does not know this kind of work. The CLI shows it.</Panel>;
  }
}

interface ActionPanelProps {
  work: Extract<ScheduledWork, { kind: "action" }>;
  secrets: string[];
}

/** The version that is deployed at the tick, on hosts and in a way of its own. */
function ActionPanel({ work, secrets }: ActionPanelProps) {
  const { data: action } = useQuery(actionOptions(work.action_id));
  const deployed = action?.deployed;
  const facts: Fact[] = [
    [
      "Action",
      <Link
        key="action"
        to="/actions/$actionId"
        params={{ actionId: String(work.action_id) }}
        className="link"
      >
        {action?.name ?? `Action ${work.action_id}`}
      </Link>,
    ],
    ["Version", deployed ? `The deployed one: ${deployed.version} now` : "The deployed one"],
    ...(deployed ? howFacts(deployed.definition) : []),
  ];
  return (
    <Panel title="Action">
      <Facts facts={facts} />
      <ParameterFacts values={work.parameters ?? {}} secrets={secrets} />
    </Panel>
  );
}

interface WorkflowPanelProps {
  work: Extract<ScheduledWork, { kind: "workflow" }>;
  secrets: string[];
}

/** The version that is published at the tick. */
function WorkflowPanel({ work, secrets }: WorkflowPanelProps) {
  const { data: workflow } = useQuery(workflowOptions(work.workflow_id));
  const version = workflow?.version;
  const facts: Fact[] = [
    [
      "Workflow",
      <Link
        key="workflow"
        to="/workflows/$workflowId"
        params={{ workflowId: String(work.workflow_id) }}
        className="link"
      >
        {workflow?.name ?? `Workflow ${work.workflow_id}`}
      </Link>,
    ],
    ["Version", version ? `The published one: ${version} now` : "The published one"],
  ];
  return (
    <Panel title="Workflow">
      <Facts facts={facts} />
      <ParameterFacts values={work.inputs ?? {}} secrets={secrets} />
    </Panel>
  );
}
