import { Alert, Button } from "@mantine/core";
import {
  IconDownload,
  IconHandStop,
  IconPlayerPlay,
  IconPlayerStop,
  IconPlayerTrackNext,
  IconRefreshAlert,
  IconRepeat,
} from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Fragment, type ReactNode, useEffect } from "react";
import type { Execution } from "~/api/types";
import { targetWords } from "~/rooms/agents/targets";
import { ActionButton } from "~/ui/ActionButton";
import { ActionMenu } from "~/ui/ActionMenu";
import { Facts, Page, Panel } from "~/ui/Page";
import { RelativeTime } from "~/ui/RelativeTime";
import { ErrorState, LoadingLines } from "~/ui/states";
import { archiveUrl, executionOptions, jobKey } from "./api";
import { ExecutionJobs } from "./ExecutionJobs";
import classes from "./ExecutionPage.module.css";
import { ExecutionPill, Progress, rollingText } from "./execution";
import { useExecutionActions } from "./useExecutionActions";
import { actorName, JobTypeText } from "./words";

const route = getRouteApi("/app/executions/$executionId");

const Back = () => (
  <Link to="/executions" className="link">
    Executions
  </Link>
);

export function ExecutionPage() {
  const { executionId } = route.useParams();
  const query = useQuery(executionOptions(Number(executionId)));
  if (query.data) {
    return <ExecutionView key={query.data.id} execution={query.data} />;
  }
  return (
    <Page title={`Execution ${executionId}`} back={<Back />}>
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

function ExecutionView({ execution }: { execution: Execution }) {
  const { ask, reasons, dialogs } = useExecutionActions(execution);
  useJobsInStep(execution);
  const { id, rolling } = execution;
  return (
    <Page
      title={`Execution ${id}`}
      back={<Back />}
      aside={
        <>
          <ExecutionPill execution={execution} large />
          <code className={classes.summary}>{execution.summary}</code>
        </>
      }
      actions={
        <>
          <ActionButton
            label="Cancel all"
            icon={IconPlayerStop}
            reason={reasons.cancel}
            onClick={() => ask("cancel")}
          />
          <ActionButton
            label="Retry failed"
            icon={IconRepeat}
            reason={reasons.retry}
            onClick={() => ask("retry")}
          />
          <ActionMenu
            label="More for this execution"
            large
            actions={[
              {
                label: "Run on failed hosts",
                icon: IconRefreshAlert,
                reason: reasons.rerunFailed,
                onSelect: () => ask("rerunFailed"),
              },
              {
                label: "Run on unfinished hosts",
                icon: IconPlayerTrackNext,
                reason: reasons.rerunUnfinished,
                onSelect: () => ask("rerunUnfinished"),
              },
              {
                label: "Run on all hosts",
                icon: IconPlayerPlay,
                reason: reasons.rerunAll,
                onSelect: () => ask("rerunAll"),
              },
            ]}
          />
          {(["zip", "json"] as const).map((format) => (
            <Button
              key={format}
              component="a"
              href={archiveUrl(id, format)}
              download={`execution-${id}.${format}`}
              variant="default"
              leftSection={<IconDownload size={14} stroke={1.75} aria-hidden />}
              aria-label={`Download as ${format.toUpperCase()}`}
            >
              {format.toUpperCase()}
            </Button>
          ))}
        </>
      }
    >
      <Panel>
        <div className={classes.head}>
          <Progress execution={execution} large />
          <Rollout execution={execution} />
          <Facts facts={factsOf(execution)} />
        </div>
      </Panel>
      {rolling?.stopped && (
        <Alert color="red" variant="light" icon={<IconHandStop aria-hidden />} title="Stopped before its end">
          {rolling.stopped}
        </Alert>
      )}
      <ExecutionJobs id={id} hosts={execution.hosts} />
      {dialogs}
    </Page>
  );
}

function Rollout({ execution }: { execution: Execution }) {
  const text = rollingText(execution);
  const { resumes_at: resumes, stopped } = execution.rolling ?? {};
  return text ? (
    <p className={classes.rolling} role="status">
      Rolling: {text}.
      {resumes && !stopped && !execution.finished && (
        <>
          {" "}
          The next batch begins <RelativeTime at={resumes} />.
        </>
      )}
    </p>
  ) : null;
}

/** Where there is something to say. */
function fact<T>(
  label: string,
  value: T | null | undefined,
  show: (value: T) => ReactNode,
): [string, ReactNode][] {
  return value == null ? [] : [[label, <Fragment key={label}>{show(value)}</Fragment>]];
}

function factsOf(execution: Execution): [string, ReactNode][] {
  const { script, action, rerun_of: rerunOf, schedule_id: schedule, instance_id: instance } = execution;
  return [
    ["Type", <JobTypeText key="type" type={execution.type} />],
    ["Hosts", execution.hosts],
    ["Chosen", <span key="chosen">{targetWords(execution.targets)}</span>],
    ["Created by", actorName(execution.created_by)],
    ["Created", <RelativeTime key="created" at={execution.created_at} />],
    ...fact("Script", script, (script) => (
      <Link to="/scripts/$scriptId" params={{ scriptId: String(script.id) }} className="link">
        {script.id}, version {script.version}
      </Link>
    )),
    ...fact("Action", action, (action) => (
      <Link to="/actions/$actionId" params={{ actionId: String(action.id) }} className="link">
        {action.id}, {action.version ? `version ${action.version}` : "draft"}
      </Link>
    )),
    ...fact("Schedule", schedule, (schedule) => (
      <Link to="/schedules/$scheduleId" params={{ scheduleId: String(schedule) }} className="link">
        {schedule}
      </Link>
    )),
    ...fact("Workflow", instance, (instance) => (
      <Link to="/instances/$instanceId" params={{ instanceId: String(instance) }} className="link">
        Instance {instance}
      </Link>
    )),
    ...fact("Again after", rerunOf, (rerunOf) => (
      <Link to="/executions/$executionId" params={{ executionId: String(rerunOf) }} className="link">
        Execution {rerunOf}
      </Link>
    )),
  ];
}

/** When the counts have changed, the jobs have, too: they are read at once and not at their next turn. */
function useJobsInStep({ id, counts }: Execution): void {
  const client = useQueryClient();
  const state = JSON.stringify(counts);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the counts are what it is about
  useEffect(() => {
    void client.invalidateQueries({ queryKey: [...jobKey, "of", id] });
  }, [client, id, state]);
}
