import { UnstyledButton } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Job } from "~/api/types";
import { useMissing } from "~/app/session";
import { jobKey, jobList } from "~/rooms/jobs/api";
import { FAILED } from "~/rooms/jobs/execution";
import { JobConsole } from "~/rooms/jobs/JobConsole";
import { ExitCode, isFinal, JobDuration, JobStatePill } from "~/rooms/jobs/words";
import { plainText } from "~/ui/plainText";
import { ErrorState, LoadingLines } from "~/ui/states";
import { REFRESH_MS } from "../api";
import classes from "./StepPanel.module.css";

interface RunJobsProps {
  execution: number;
  /** The run is over, and so are its jobs. */
  ended: boolean;
  /** Whether output is shown without being asked for. */
  open: boolean;
}

/** More of them are looked at on the page of the execution. */
const MOST = 50;

/** The jobs of one run: how each host did, and what it printed. */
export function RunJobs({ execution, ended, open }: RunJobsProps) {
  const reason = useMissing()("jobs.view");
  const query = useQuery({
    queryKey: [...jobKey, "of-run", execution, ended],
    queryFn: () => jobList({ limit: MOST, filter: [`execution:${execution}`] }),
    refetchInterval: (current) =>
      current.state.data?.items.every(({ state }) => isFinal(state)) ? false : REFRESH_MS,
    placeholderData: (before) => before,
    enabled: reason === undefined,
  });
  const [chosen, setChosen] = useState<number | null>();
  const jobs = query.data?.items ?? [];
  const shown = chosen === undefined && open ? telling(jobs)?.id : chosen;
  return (
    <>
      <div className={classes.line}>
        <Link to="/executions/$executionId" params={{ executionId: String(execution) }} className="link">
          Execution {execution}
        </Link>
        {query.data?.next_cursor && <span className="dim">the first {MOST} of its hosts</span>}
      </div>
      {reason ? (
        <p className={classes.none}>{reason}</p>
      ) : query.error && jobs.length === 0 ? (
        <ErrorState error={query.error} onRetry={() => void query.refetch()} />
      ) : query.isPending ? (
        <LoadingLines lines={2} />
      ) : jobs.length === 0 ? (
        <p className={classes.none}>Its jobs are gone, or you may not see them.</p>
      ) : (
        <ul className={classes.jobs} aria-label={`Jobs of execution ${execution}`}>
          {jobs.map((job) => (
            <JobLine
              key={job.id}
              job={job}
              open={job.id === shown}
              onToggle={() => setChosen(job.id === shown ? null : job.id)}
            />
          ))}
        </ul>
      )}
    </>
  );
}

/** Whose output is looked at first: one that failed, else the first. */
const telling = (jobs: Job[]): Job | undefined => jobs.find(({ state }) => FAILED.includes(state)) ?? jobs[0];

function JobLine({ job, open, onToggle }: { job: Job; open: boolean; onToggle: () => void }) {
  const Icon = open ? IconChevronDown : IconChevronRight;
  return (
    <li>
      <div className={classes.job}>
        <UnstyledButton
          className={classes.toggle}
          aria-expanded={open}
          aria-label={`Output on ${plainText(job.agent)}`}
          onClick={onToggle}
        >
          <Icon size={16} aria-hidden />
        </UnstyledButton>
        <Link to="/jobs/$jobId" params={{ jobId: String(job.id) }} className="link-strong">
          {plainText(job.agent)}
        </Link>
        <JobStatePill state={job.state} />
        {job.started_at && (
          <span className="dim">
            exit <ExitCode code={job.exit_code} />
          </span>
        )}
        <span className={classes.duration}>
          <JobDuration job={job} />
        </span>
        {job.waits && <span className={classes.why}>{plainText(job.waits.text)}</span>}
      </div>
      {open && (
        <div className={classes.output}>
          <JobConsole
            key={job.attempt}
            id={job.id}
            attempt={job.attempt}
            running={!isFinal(job.state)}
            agent={plainText(job.agent)}
          />
        </div>
      )}
    </li>
  );
}
