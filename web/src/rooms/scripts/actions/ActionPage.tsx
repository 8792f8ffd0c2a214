import { Tabs } from "@mantine/core";
import { IconPencil, IconPlayerPlay, IconRocket } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useState } from "react";
import type { ActionDetail } from "~/api/types";
import { ExecutionTable } from "~/rooms/jobs/ExecutionTable";
import { actorName, JOB_TYPE } from "~/rooms/jobs/words";
import { ActionButton } from "~/ui/ActionButton";
import { ActionMenu } from "~/ui/ActionMenu";
import { Facts, Page, Panel } from "~/ui/Page";
import { Pill } from "~/ui/Pill";
import { RelativeTime } from "~/ui/RelativeTime";
import { EmptyState, ErrorState, LoadingLines } from "~/ui/states";
import type { TableSearch } from "~/ui/table/urlState";
import { UsedByTab } from "../UsedByTab";
import classes from "./actions.module.css";
import { actionOptions } from "./api";
import { WhereView, WorkView } from "./DefinitionView";
import { useActionActions } from "./useActionActions";
import { draftState } from "./words";

const route = getRouteApi("/app/actions/$actionId");

// They compare, and what compares is most of what this page weighs.
const DraftTab = lazy(() => import("./DraftTab").then(({ DraftTab }) => ({ default: DraftTab })));
const VersionsTab = lazy(() => import("./VersionsTab").then(({ VersionsTab }) => ({ default: VersionsTab })));

const Back = () => (
  <Link to="/actions" className="link">
    Actions
  </Link>
);

export function ActionPage() {
  const { actionId } = route.useParams();
  const query = useQuery(actionOptions(Number(actionId)));
  if (query.data) {
    return <ActionView key={query.data.id} action={query.data} />;
  }
  return (
    <Page title={`Action ${actionId}`} back={<Back />}>
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

const TABS = ["runs", "draft", "versions", "executions", "used-by"];

function ActionView({ action }: { action: ActionDetail }) {
  const { tab } = route.useSearch();
  const navigate = route.useNavigate();
  const go = useNavigate();
  const { actions, ask, run, edit, reasons, dialogs } = useActionActions(() => void go({ to: "/actions" }));
  const why = reasons(action);
  const { label, tone, icon, help } = draftState(action);
  const current = TABS.find((one) => one === tab) ?? (action.deployed ? "runs" : "draft");
  const panel = (name: string, content: () => ReactNode) => (
    <Tabs.Panel value={name}>
      {current === name && <Suspense fallback={<LoadingLines />}>{content()}</Suspense>}
    </Tabs.Panel>
  );
  return (
    <Page
      title={action.name}
      back={<Back />}
      aside={
        <>
          <Pill tone={tone} icon={icon} large title={help}>
            {label}
          </Pill>
          <span className="dim">
            {JOB_TYPE[action.type].label}
            {action.version ? `, version ${action.version} runs` : ", nothing runs yet"}
          </span>
        </>
      }
      actions={
        <>
          <ActionButton
            label="Run"
            icon={IconPlayerPlay}
            variant={why.run ? "default" : "filled"}
            reason={why.run}
            onClick={() => run(action)}
          />
          <ActionButton label="Edit" icon={IconPencil} reason={why.edit} onClick={() => edit(action)} />
          <ActionButton
            label="Deploy"
            icon={IconRocket}
            reason={why.deploy}
            onClick={() => ask("deploy", action)}
          />
          <ActionMenu label={`Actions for ${action.name}`} actions={actions(action)} large />
        </>
      }
    >
      {action.description && <p className={classes.description}>{action.description}</p>}
      <Tabs
        value={current}
        onChange={(next) => void navigate({ search: { tab: next ?? undefined }, replace: true })}
        className={classes.tabs}
      >
        <Tabs.List>
          <Tabs.Tab value="runs">What runs</Tabs.Tab>
          <Tabs.Tab value="draft">Draft</Tabs.Tab>
          <Tabs.Tab value="versions">Versions</Tabs.Tab>
          <Tabs.Tab value="executions">Executions</Tabs.Tab>
          <Tabs.Tab value="used-by">Used by ({action.used_by.length})</Tabs.Tab>
        </Tabs.List>
        {panel("runs", () => (
          <RunsTab action={action} />
        ))}
        {panel("draft", () => (
          <DraftTab
            action={action}
            reasons={why}
            onDeploy={() => ask("deploy", action)}
            onTry={() => run(action, "1")}
          />
        ))}
        {panel("versions", () => (
          <VersionsTab action={action} reason={why.edit} />
        ))}
        {panel("executions", () => (
          <Executions id={action.id} />
        ))}
        {panel("used-by", () => (
          <UsedByTab users={action.used_by} how="run" />
        ))}
      </Tabs>
      {dialogs}
    </Page>
  );
}

function RunsTab({ action: { deployed, asks } }: { action: ActionDetail }) {
  if (!deployed) {
    return (
      <Panel>
        <EmptyState icon={IconRocket} title="Nothing is deployed">
          It runs once its draft is deployed. Until then the draft can be tried.
        </EmptyState>
      </Panel>
    );
  }
  return (
    <div className={classes.grid}>
      <div className={classes.column}>
        <WorkView definition={deployed.definition} asks={asks} secrets={deployed.secrets} />
      </div>
      <div className={classes.column}>
        <Panel title={`Version ${deployed.version}`}>
          <Facts
            facts={[
              ["Deployed", <RelativeTime key="at" at={deployed.created_at} />],
              ["By", actorName(deployed.created_by)],
              ["For", deployed.message || <span className="dim">–</span>],
              [
                "SHA-256",
                <code key="sha" title={deployed.sha256}>
                  {deployed.sha256.slice(0, 12)}
                </code>,
              ],
            ]}
          />
        </Panel>
        <WhereView definition={deployed.definition} />
      </div>
    </div>
  );
}

/** Search and filters of this table live as long as the tab is looked at. */
function Executions({ id }: { id: number }) {
  const [search, setSearch] = useState<TableSearch>({});
  return (
    <div className={classes.column}>
      <ExecutionTable
        search={search}
        setSearch={(change) => setSearch((before) => ({ ...before, ...change }))}
        of={{ field: "action", id }}
        empty={
          <EmptyState icon={IconPlayerPlay} title="It has not been run yet">
            Each run of a deployed version is listed here. Drafts that were tried are among all executions.
          </EmptyState>
        }
      />
    </div>
  );
}
