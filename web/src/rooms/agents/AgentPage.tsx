import { Alert } from "@mantine/core";
import { IconLock, IconPlayerPlay } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Agent } from "~/api/types";
import { useMissing } from "~/app/session";
import { ActionButton } from "~/ui/ActionButton";
import { ActionMenu } from "~/ui/ActionMenu";
import { dateTime } from "~/ui/format";
import { Facts, Page, Panel } from "~/ui/Page";
import { RelativeTime } from "~/ui/RelativeTime";
import { ErrorState, LoadingLines } from "~/ui/states";
import classes from "./AgentPage.module.css";
import { agentOptions } from "./api";
import { useAgentActions } from "./useAgentActions";
import { ConnectionText, CREDENTIAL, CredentialEnd, HealthPill, Labels } from "./words";

const route = getRouteApi("/app/agents/$agentId");

const Back = () => (
  <Link to="/agents" className="link">
    Agents
  </Link>
);

interface AgentPageProps {
  /** What stands below the facts; jobs are not this room's business. */
  recent: (agent: Agent) => ReactNode;
}

export function AgentPage({ recent }: AgentPageProps) {
  const { agentId } = route.useParams();
  const query = useQuery(agentOptions(Number(agentId)));
  if (query.data) {
    return <AgentView agent={query.data} recent={recent} />;
  }
  return (
    <Page title={`Agent ${agentId}`} back={<Back />}>
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

function AgentView({ agent, recent }: AgentPageProps & { agent: Agent }) {
  const navigate = useNavigate();
  const missing = useMissing();
  const { actions, dialogs } = useAgentActions(() => void navigate({ to: "/agents" }));
  return (
    <Page
      title={agent.name}
      back={<Back />}
      aside={
        <>
          <HealthPill health={agent.health} large />
          <ConnectionText connection={agent.connection} />
          {!agent.active && <strong>Inactive: gets no work</strong>}
        </>
      }
      actions={
        <>
          <ActionButton
            label="Run a job"
            icon={IconPlayerPlay}
            variant="filled"
            reason={missing("jobs.manage")}
            onClick={() => void navigate({ to: "/jobs/new", search: { agent: [agent.name] } })}
          />
          <ActionMenu label={`Actions for ${agent.name}`} actions={actions(agent)} large />
        </>
      }
    >
      {agent.credential === "locked" && (
        <Alert
          color="red"
          variant="light"
          icon={<IconLock aria-hidden />}
          title="Locked: its credential was used from two machines"
        >
          Both copies are shut out. Find out which one is right, then make a new enrolment token and start the
          right one with it.
        </Alert>
      )}
      <div className={classes.grid}>
        <Panel title="Agent">
          <Facts
            facts={[
              ["Organization", agent.organization],
              ["Department", agent.department ?? "–"],
              ["Last seen", <RelativeTime key="seen" at={agent.last_seen_at} />],
              ["Created", dateTime(agent.created_at)],
              ["Credential", CREDENTIAL[agent.credential].label],
              ["Token expiration", <CredentialEnd key="end" agent={agent} />],
              ...(agent.enrollment_expires_at
                ? ([
                    ["Enrolment token", <RelativeTime key="enrolment" at={agent.enrollment_expires_at} />],
                  ] as [string, ReactNode][])
                : []),
              ["Jobs at once", agent.slots],
            ]}
          />
        </Panel>
        <Panel title="Host">
          <Facts
            facts={[
              ["Host name", agent.hostname ?? "–"],
              ["OS", agent.os ?? "–"],
              ["Architecture", agent.arch ?? "–"],
              ["Version", agent.version ?? "–"],
              [
                "Runs as root",
                agent.root === null || agent.root === undefined ? "–" : agent.root ? "Yes" : "No",
              ],
              ["Script languages", agent.languages.length > 0 ? agent.languages.join(", ") : "–"],
            ]}
          />
        </Panel>
      </div>
      <Panel title="Labels">
        <Labels labels={agent.labels} all />
      </Panel>
      {recent(agent)}
      {dialogs}
    </Page>
  );
}
