import { NativeSelect } from "@mantine/core";
import { IconPlayerPlay, IconPlayerStop, IconRepeat, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Attempt, JobDetail } from "~/api/types";
import { ActionButton } from "~/ui/ActionButton";
import { dateTime, duration } from "~/ui/format";
import { Facts, Page, Panel } from "~/ui/Page";
import { RelativeTime } from "~/ui/RelativeTime";
import { ErrorState, LoadingLines } from "~/ui/states";
import { jobOptions } from "./api";
import classes from "./JobPage.module.css";
import { JobTimeline } from "./JobTimeline";
import { LateText } from "./LateText";
import { OutputPanel } from "./OutputPanel";
import { ResultPanel } from "./results/ResultPanel";
import { useJobActions } from "./useJobActions";
import { WorkPanel } from "./WorkPanel";
import { actorName, ExitCode, isFinal, JOB_STATE, JobDuration, JobStatePill, PriorityText } from "./words";

const route = getRouteApi("/app/jobs/$jobId");

export function JobPage() {
  const { jobId } = route.useParams();
  const query = useQuery(jobOptions(Number(jobId)));
  if (query.data) {
    return <JobView key={query.data.id} job={query.data} />;
  }
  return (
    <Page title={`Job ${jobId}`} back={<Back />}>
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

const Back = () => (
  <Link to="/jobs" className="link">
    Jobs
  </Link>
);

function JobView({ job }: { job: JobDetail }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const go = useNavigate();
  const { ask, reasons, pending, dialogs } = useJobActions(() => void go({ to: "/jobs" }));
  const why = reasons(job);
  const wanted = Number(search.attempt);
  const attempt = job.attempts.some((one) => one.number === wanted) ? wanted : job.attempt;
  const shown = job.attempts.find((one) => one.number === attempt);

  return (
    <Page
      fill
      title={`Job ${job.id}`}
      back={<Back />}
      aside={
        <>
          <JobStatePill state={job.state} large />
          <StateReason job={job} />
        </>
      }
      actions={
        <>
          <ActionButton
            label="Cancel"
            icon={IconPlayerStop}
            reason={why.cancel}
            onClick={() => ask("cancel", [job])}
          />
          <ActionButton
            label="Retry"
            icon={IconRepeat}
            reason={why.retry}
            loading={pending}
            onClick={() => ask("retry", [job])}
          />
          <ActionButton
            label="Run again"
            icon={IconPlayerPlay}
            reason={why.again}
            onClick={() => void go({ to: "/jobs/new", search: { from: String(job.id) } })}
          />
          <ActionButton
            label="Delete"
            icon={IconTrash}
            reason={why.remove}
            onClick={() => ask("remove", [job])}
          />
        </>
      }
    >
      <code className={classes.summary}>{job.summary}</code>
      <div className={classes.grid}>
        <div className={classes.main}>
          <AttemptBar
            job={job}
            attempt={attempt}
            shown={shown}
            onAttempt={(number) =>
              void navigate({ search: (before) => ({ ...before, attempt: String(number) }), replace: true })
            }
          />
          {shown?.result && <ResultPanel result={shown.result} />}
          {shown?.late?.result && <ResultPanel result={shown.late.result} late />}
          <OutputPanel
            key={attempt}
            job={job}
            attempt={attempt}
            view={search.view}
            onView={(view) => void navigate({ search: (before) => ({ ...before, view }), replace: true })}
          />
        </div>
        <div className={classes.side}>
          <Panel title="Facts">
            <Facts
              facts={[
                [
                  "Agent",
                  <Link
                    key="agent"
                    to="/agents/$agentId"
                    params={{ agentId: String(job.agent_id) }}
                    className="link"
                  >
                    {job.agent}
                  </Link>,
                ],
                ...(job.execution_id
                  ? ([
                      [
                        "Execution",
                        <Link
                          key="execution"
                          to="/executions/$executionId"
                          params={{ executionId: String(job.execution_id) }}
                          className="link"
                        >
                          {job.execution_id}
                        </Link>,
                      ],
                    ] as [string, ReactNode][])
                  : []),
                ["Exit code", <ExitCode key="exit" code={job.exit_code} />],
                ["Duration", <JobDuration key="duration" job={job} />],
                ["Priority", <PriorityText key="priority" priority={job.priority} />],
                ["Timeout", duration(job.timeout_seconds * 1_000)],
                ["Created by", actorName(job.created_by)],
                ["Created", <RelativeTime key="created" at={job.created_at} />],
                ...(job.waits?.until
                  ? ([["Blackout ends", <RelativeTime key="until" at={job.waits.until} />]] as [
                      string,
                      ReactNode,
                    ][])
                  : []),
                ...(job.not_before ? ([["Not before", dateTime(job.not_before)]] as [string, string][]) : []),
              ]}
            />
          </Panel>
          <Panel title="Timeline">
            <JobTimeline job={job} />
          </Panel>
          <WorkPanel job={job} />
        </div>
      </div>
      {dialogs}
    </Page>
  );
}

/** Why it waits, is being stopped, or ended as it did. */
function StateReason({ job }: { job: JobDetail }) {
  if (job.cancel_requested && !isFinal(job.state)) {
    return (
      <span>Cancel requested: waiting for the agent to confirm that the whole process tree is gone.</span>
    );
  }
  const text = job.waits?.text ?? job.reason;
  return text ? <span className="dim">{text}</span> : null;
}

interface AttemptBarProps {
  job: JobDetail;
  attempt: number;
  shown: Attempt | undefined;
  onAttempt: (attempt: number) => void;
}

function AttemptBar({ job, attempt, shown, onAttempt }: AttemptBarProps) {
  if (job.attempts.length < 2 && !shown?.late) {
    return null;
  }
  return (
    <div className={classes.attempts}>
      <NativeSelect
        size="xs"
        aria-label="Attempt"
        value={String(attempt)}
        onChange={(event) => onAttempt(Number(event.currentTarget.value))}
        data={[...job.attempts].reverse().map((one) => ({
          value: String(one.number),
          label: `Attempt ${one.number}: ${JOB_STATE[one.state].label.toLowerCase()}`,
        }))}
      />
      {shown && (
        <span className="dim">
          {shown.reason ??
            (shown.exit_code !== null && shown.exit_code !== undefined ? `Exit code ${shown.exit_code}` : "")}
          {shown.duration_ms !== null && shown.duration_ms !== undefined
            ? ` after ${duration(shown.duration_ms)}`
            : ""}
        </span>
      )}
      {shown?.late && (
        <span className={classes.late}>
          <LateText late={shown.late} />
        </span>
      )}
    </div>
  );
}
