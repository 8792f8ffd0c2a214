import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Agent } from "~/api/types";
import { useMissing } from "~/app/session";
import { Panel } from "~/ui/Page";
import { RelativeTime } from "~/ui/RelativeTime";
import { EmptyState, ErrorState, LoadingLines } from "~/ui/states";
import { jobKey, jobList } from "./api";
import classes from "./RecentJobs.module.css";
import { ExitCode, JobDuration, JobStatePill } from "./words";

const RECENT = 10;

/** The newest jobs of one agent. */
export function RecentJobs({ agent }: { agent: Pick<Agent, "id"> }) {
  const missing = useMissing();
  const reason = missing("jobs.view");
  const query = useQuery({
    queryKey: [...jobKey, "recent", agent.id],
    queryFn: () => jobList({ limit: RECENT, filter: [`agent:${agent.id}`] }),
    refetchInterval: 5_000,
    enabled: reason === undefined,
  });
  const jobs = query.data?.items ?? [];
  return (
    <Panel
      title="Recent jobs"
      flush
      aside={
        <Link to="/jobs" search={{ filter: [`agent:${agent.id}`] }} className="link">
          All its jobs
        </Link>
      }
    >
      {reason ? (
        <EmptyState title="Not shown">{reason}</EmptyState>
      ) : query.error && jobs.length === 0 ? (
        <ErrorState error={query.error} onRetry={() => void query.refetch()} />
      ) : query.isPending ? (
        <LoadingLines lines={4} />
      ) : jobs.length === 0 ? (
        <EmptyState title="Nothing has been run here yet" />
      ) : (
        <ul className={classes.jobs} aria-label="Recent jobs">
          {jobs.map((job) => (
            <li key={job.id}>
              <Link to="/jobs/$jobId" params={{ jobId: String(job.id) }} className={classes.job}>
                <span className={classes.id}>{job.id}</span>
                <span className={classes.summary}>{job.summary}</span>
                <span className={classes.state}>
                  <JobStatePill state={job.state} />
                </span>
                <span className={classes.number}>
                  <ExitCode code={job.exit_code} />
                </span>
                <span className={classes.number}>
                  <JobDuration job={job} />
                </span>
                <span className={classes.when}>
                  <RelativeTime at={job.created_at} />
                </span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
