import { IconPlayerPlay, IconPlayerTrackNext } from "@tabler/icons-react";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { useMissing } from "~/app/session";
import { ActionButton } from "~/ui/ActionButton";
import { Page } from "~/ui/Page";
import { EmptyState } from "~/ui/states";
import type { TableSearch } from "~/ui/table/urlState";
import { ExecutionTable } from "./ExecutionTable";

const route = getRouteApi("/app/executions");

export function ExecutionsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const go = useNavigate();
  const missing = useMissing();
  const setSearch = useCallback(
    (change: Partial<TableSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const run = (
    <ActionButton
      label="Run"
      icon={IconPlayerPlay}
      variant="filled"
      reason={missing("jobs.manage")}
      onClick={() => void go({ to: "/jobs/new" })}
    />
  );
  return (
    <Page fill title="Executions" actions={run}>
      <ExecutionTable
        search={search}
        setSearch={setSearch}
        empty={
          <EmptyState icon={IconPlayerTrackNext} title="Nothing has been run yet" action={run}>
            An execution is one click on Run: one job for each host that was chosen.
          </EmptyState>
        }
      />
    </Page>
  );
}
