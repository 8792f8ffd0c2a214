import { CloseButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Panel } from "~/ui/Page";
import { ErrorState } from "~/ui/states";
import { jobOptions } from "./api";
import { JobConsole } from "./JobConsole";
import classes from "./SideBySide.module.css";
import { ExitCode, isFinal, JobStatePill } from "./words";

interface SideBySideProps {
  jobs: number[];
  onRemove: (job: number) => void;
}

/** Output of a few jobs beside each other, live while they run. */
export function SideBySide({ jobs, onRemove }: SideBySideProps) {
  return (
    <Panel title="Output side by side" flush>
      <div className={classes.columns}>
        {jobs.map((id) => (
          <Column key={id} id={id} onRemove={() => onRemove(id)} />
        ))}
      </div>
    </Panel>
  );
}

function Column({ id, onRemove }: { id: number; onRemove: () => void }) {
  const { data: job, error, refetch } = useQuery(jobOptions(id));
  if (!job) {
    return (
      <section className={classes.column}>
        {error && <ErrorState error={error} onRetry={() => void refetch()} />}
      </section>
    );
  }
  return (
    <section className={classes.column} aria-label={`Output on ${job.agent}`}>
      <header className={classes.head}>
        <Link to="/jobs/$jobId" params={{ jobId: String(id) }} className="link-strong">
          {job.agent}
        </Link>
        <JobStatePill state={job.state} />
        <span className="dim">
          exit <ExitCode code={job.exit_code} />
        </span>
        <CloseButton
          size="sm"
          className={classes.close}
          aria-label={`Remove the output on ${job.agent}`}
          onClick={onRemove}
        />
      </header>
      <JobConsole
        key={job.attempt}
        id={id}
        attempt={job.attempt}
        running={!isFinal(job.state)}
        agent={job.agent}
      />
    </section>
  );
}
