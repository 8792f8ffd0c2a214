import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo } from "react";
import type { JobDetail } from "~/api/types";
import { useMissing } from "~/app/session";
import { emptyTargets } from "~/rooms/agents/targets";
import { Page, Panel } from "~/ui/Page";
import { EmptyState, ErrorState, LoadingLines } from "~/ui/states";
import { jobOptions } from "./api";
import { emptyHow } from "./how";
import { RunForm, type RunStart } from "./RunForm";
import { emptyWork, workFrom, workOf } from "./work/draft";

const route = getRouteApi("/app/jobs/new");

export function RunPage() {
  const { agent, group, from } = route.useSearch();
  const missing = useMissing();
  const reason = missing("jobs.manage");
  const earlier = useQuery({
    ...jobOptions(Number(from)),
    enabled: from !== undefined,
    refetchInterval: false,
  });
  const names = agent?.join("\n") ?? "";
  const groups = group?.join("\n") ?? "";
  const start = useMemo<RunStart | undefined>(() => {
    if (from !== undefined) {
      return earlier.data && again(earlier.data);
    }
    const targets = { ...emptyTargets(lines(names)), groups: lines(groups) };
    return { targets, how: emptyHow(), work: emptyWork() };
  }, [from, earlier.data, names, groups]);

  return (
    <Page
      title={from === undefined ? "Run" : `Run job ${from} again`}
      back={
        <Link to="/jobs" className="link">
          Jobs
        </Link>
      }
    >
      {reason ? (
        <Panel>
          <EmptyState title="You cannot run jobs">{reason}</EmptyState>
        </Panel>
      ) : start ? (
        <RunForm key={from ?? `${names} ${groups}`} start={start} />
      ) : (
        <Panel>
          {earlier.error ? (
            <ErrorState error={earlier.error} onRetry={() => void earlier.refetch()} />
          ) : (
            <LoadingLines />
          )}
        </Panel>
      )}
    </Page>
  );
}

const lines = (text: string) => (text === "" ? [] : text.split("\n"));

/** The same work on the same host once more. Secrets are not known any more. */
function again(job: JobDetail): RunStart {
  return {
    targets: emptyTargets([job.agent]),
    how: { ...emptyHow(), priority: job.priority, timeout: String(job.timeout_seconds) },
    work: workFrom(workOf(job)),
  };
}
