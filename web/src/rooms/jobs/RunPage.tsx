import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useMissing } from "~/app/session";
import { Page, Panel } from "~/ui/Page";
import { EmptyState, ErrorState, LoadingLines } from "~/ui/states";
import { jobOptions } from "./api";
import { draftFrom, emptyDraft } from "./draft";
import { RunForm } from "./RunForm";

const route = getRouteApi("/app/jobs/new");

export function RunPage() {
  const { agent, from } = route.useSearch();
  const missing = useMissing();
  const reason = missing("jobs.manage");
  const earlier = useQuery({
    ...jobOptions(Number(from)),
    enabled: from !== undefined,
    refetchInterval: false,
  });
  const names = agent?.join("\n") ?? "";
  const start = useMemo(() => {
    if (from !== undefined) {
      return earlier.data && draftFrom(earlier.data);
    }
    return emptyDraft(names === "" ? [] : names.split("\n"));
  }, [from, earlier.data, names]);

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
        <RunForm key={from ?? names} start={start} />
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
