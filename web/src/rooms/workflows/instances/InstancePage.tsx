import { Tabs } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconPlayerStop, IconRefresh, IconRotateClockwise } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense } from "react";
import type { InstanceDetail } from "~/api/types";
import { targetWords } from "~/rooms/agents/targets";
import { actorName, withActorName } from "~/rooms/jobs/words";
import { ActionButton } from "~/ui/ActionButton";
import { ActionMenu } from "~/ui/ActionMenu";
import { Facts, Page, Panel } from "~/ui/Page";
import { plainText } from "~/ui/plainText";
import { RelativeTime } from "~/ui/RelativeTime";
import { SimpleTable } from "~/ui/SimpleTable";
import { ErrorState, LoadingLines, StaleBanner } from "~/ui/states";
import { instanceOptions } from "../api";
import { InstanceStatePill, Took, versionWords } from "../words";
import classes from "../workflows.module.css";
import page from "./InstancePage.module.css";
import { InstanceTimeline } from "./InstanceTimeline";
import { RunTable, stepOf } from "./RunTable";
import { StepPanel } from "./StepPanel";
import { useInstanceActions } from "./useInstanceActions";
import { useInstanceWatch } from "./useInstanceWatch";

const route = getRouteApi("/app/instances/$instanceId");

// What draws graphs is big: it is loaded where one is looked at.
const InstanceCanvas = lazy(() =>
  import("./InstanceCanvas").then(({ InstanceCanvas }) => ({ default: InstanceCanvas })),
);

const Back = () => (
  <Link to="/instances" className="link">
    Instances
  </Link>
);

export function InstancePage() {
  const { instanceId } = route.useParams();
  const live = useInstanceWatch(Number(instanceId));
  const query = useQuery(instanceOptions(Number(instanceId), live));
  if (query.data) {
    return (
      <InstanceView
        key={query.data.id}
        instance={query.data}
        live={live}
        stale={
          query.error ? <StaleBanner error={query.error} onRetry={() => void query.refetch()} /> : undefined
        }
      />
    );
  }
  return (
    <Page title={`Instance ${instanceId}`} back={<Back />}>
      <Panel>
        {query.error ? (
          <ErrorState error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <LoadingLines />
        )}
      </Panel>
    </Page>
  );
}

const TABS = ["graph", "steps", "timeline"] as const;
/** As in the styles of pages: there is no room for a drawing. */
const NARROW = "(max-width: 48em)";

interface InstanceViewProps {
  instance: InstanceDetail;
  /** What happens is told as it happens. */
  live: boolean;
  stale: ReactNode;
}

function InstanceView({ instance, live, stale }: InstanceViewProps) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { actions, ask, reasons, dialogs } = useInstanceActions();
  const why = reasons(instance);
  const narrow = useMediaQuery(NARROW, undefined, { getInitialValueInEffect: false });
  const tab = TABS.find((one) => one === search.tab) ?? (narrow ? "steps" : "graph");
  const step = search.step === undefined ? undefined : stepOf(instance.definition.steps, search.step);
  const select = (id: string | undefined) =>
    void navigate({ search: (before) => ({ ...before, step: id }), replace: true, resetScroll: false });
  const close = () => {
    select(undefined);
    if (step) {
      focusStep(step.id);
    }
  };
  const panel = (name: (typeof TABS)[number], content: () => ReactNode) => (
    <Tabs.Panel value={name}>
      {tab === name && <Suspense fallback={<LoadingLines />}>{content()}</Suspense>}
    </Tabs.Panel>
  );
  return (
    <Page
      title={`Instance ${instance.id} of ${instance.workflow}`}
      back={<Back />}
      aside={
        <>
          <InstanceStatePill state={instance.state} large />
          <span className="dim">{now(instance)}</span>
          {instance.retry_of && (
            <Link
              to="/instances/$instanceId"
              params={{ instanceId: String(instance.retry_of) }}
              className="link"
            >
              retry of #{instance.retry_of}
            </Link>
          )}
        </>
      }
      actions={
        <>
          <ActionButton
            label="Retry from the failed step"
            icon={IconRotateClockwise}
            reason={why.retry}
            onClick={() => ask("retry", instance)}
          />
          <ActionButton
            label="Run again"
            icon={IconRefresh}
            reason={why.rerun}
            onClick={() => ask("rerun", instance)}
          />
          <ActionButton
            label="Cancel"
            icon={IconPlayerStop}
            reason={why.cancel}
            onClick={() => ask("cancel", instance)}
          />
          <ActionMenu label={`Actions for instance ${instance.id}`} actions={actions(instance)} large />
        </>
      }
    >
      {stale}
      <div className={page.page} data-step={step !== undefined || undefined}>
        <Tabs
          value={tab}
          onChange={(next) =>
            void navigate({
              search: (before) => ({ ...before, tab: next ?? undefined }),
              replace: true,
              resetScroll: false,
            })
          }
          className={classes.tabs}
        >
          <Tabs.List>
            {/* Where there is no room for a drawing, the list comes first. */}
            {!narrow && <Tabs.Tab value="graph">Graph</Tabs.Tab>}
            <Tabs.Tab value="steps">Steps ({instance.runs.length})</Tabs.Tab>
            {narrow && <Tabs.Tab value="graph">Graph</Tabs.Tab>}
            <Tabs.Tab value="timeline">Timeline</Tabs.Tab>
          </Tabs.List>
          {panel("graph", () => (
            <InstanceCanvas instance={instance} selected={step?.id} onSelect={select} />
          ))}
          {panel("steps", () => (
            <Panel flush>
              <RunTable instance={instance} onSelect={select} />
            </Panel>
          ))}
          {panel("timeline", () => (
            <Panel>
              <InstanceTimeline instance={instance} live={live} />
            </Panel>
          ))}
        </Tabs>
        <div className={classes.column}>
          {step && <StepPanel key={step.id} instance={instance} step={step} onClose={close} />}
          <Panel title="Facts">
            <Facts facts={factsOf(instance)} />
          </Panel>
          <Inputs instance={instance} />
        </div>
      </div>
      {dialogs}
    </Page>
  );
}

/** Back to where its runs were asked for. */
function focusStep(id: string): void {
  const places = document.querySelectorAll<HTMLElement>(
    `[data-id="${CSS.escape(`step:${id}`)}"], [data-step-of]`,
  );
  [...places].find(({ dataset }) => dataset["id"] === `step:${id}` || dataset["stepOf"] === id)?.focus();
}

/** Why it ended so, or where it is and what it waits for there. */
function now({ reason, current, runs }: InstanceDetail): string {
  if (reason) {
    return plainText(withActorName(reason));
  }
  const at = current.map((step) => {
    const why = runs.findLast((run) => run.step === step)?.waits;
    return why ? `${step} (${why})` : step;
  });
  return at.length > 0 ? plainText(`at ${at.join(", ")}`) : "";
}

function factsOf(instance: InstanceDetail): [string, ReactNode][] {
  const other = (id: number) => (
    <Link to="/instances/$instanceId" params={{ instanceId: String(id) }} className="link">
      Instance {id}
    </Link>
  );
  return [
    [
      "Workflow",
      <Link
        key="workflow"
        to="/workflows/$workflowId"
        params={{ workflowId: String(instance.workflow_id) }}
        className="link"
      >
        {instance.workflow}, {versionWords(instance.version)}
      </Link>,
    ],
    ["Started by", actorName(instance.started_by)],
    ["Started", <RelativeTime key="started" at={instance.created_at} />],
    ["Duration", <Took key="took" from={instance.created_at} to={instance.ended_at} />],
    ["Hosts", hostsOf(instance)],
    ...(instance.parent_id ? [["Part of", other(instance.parent_id)] as [string, ReactNode]] : []),
    ...(instance.retry_of ? [["Retry of", other(instance.retry_of)] as [string, ReactNode]] : []),
  ];
}

function hostsOf({ hosts, definition }: InstanceDetail): ReactNode {
  const chosen = hosts ?? definition.hosts;
  return chosen ? targetWords(chosen) : <span className="dim">those of its steps</span>;
}

function Inputs({ instance: { inputs, definition } }: { instance: InstanceDetail }) {
  const rows = (definition.inputs ?? []).map(({ name, type }) => ({
    name,
    secret: type === "secret",
    value: inputs[name],
  }));
  if (rows.length === 0) {
    return null;
  }
  return (
    <Panel title="Inputs" flush>
      <SimpleTable
        label="Inputs"
        flush
        rows={rows}
        rowKey={({ name }) => name}
        columns={[
          { label: "Name", cell: ({ name }) => <code>{name}</code> },
          {
            label: "Value",
            cell: ({ secret, value }) =>
              secret ? (
                <span className="dim">secret</span>
              ) : value === undefined ? (
                <span className="dim">–</span>
              ) : (
                <code className={classes.value}>{plainText(String(value))}</code>
              ),
          },
        ]}
      />
    </Panel>
  );
}
