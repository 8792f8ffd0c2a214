import { Button } from "@mantine/core";
import { IconListDetails, IconPlayerPlay } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import type { Job } from "~/api/types";
import { useMissing } from "~/app/session";
import { useListPage } from "~/app/useListPage";
import { organizationsOptions } from "~/rooms/identity/api";
import { ActionButton } from "~/ui/ActionButton";
import { ActionMenu } from "~/ui/ActionMenu";
import { count } from "~/ui/format";
import { Page } from "~/ui/Page";
import { EmptyState } from "~/ui/states";
import { DataTable } from "~/ui/table/DataTable";
import { SelectionBar } from "~/ui/table/SelectionBar";
import { Toolbar } from "~/ui/table/Toolbar";
import type { TableSearch } from "~/ui/table/urlState";
import { jobKey, jobList } from "./api";
import { jobColumns, jobFilters } from "./columns";
import type { JobReasons } from "./rules";
import { useJobActions } from "./useJobActions";

const route = getRouteApi("/app/jobs");

export function JobsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const go = useNavigate();
  const missing = useMissing();
  const setSearch = useCallback(
    (change: Partial<TableSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const { table, list, toolbar, narrowed, widen } = useListPage<Job>({
    name: "jobs",
    columns: jobColumns,
    search,
    setSearch,
    queryKey: jobKey,
    load: jobList,
  });
  const { data: organizations = [] } = useQuery(organizationsOptions);
  const filters = useMemo(() => jobFilters(list.rows, organizations), [list.rows, organizations]);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const clear = () => setSelected(new Set());
  const { actions, ask, reasons, dialogs } = useJobActions(clear);
  const chosen = list.rows.filter((job) => selected.has(String(job.id)));
  const run = (
    <ActionButton
      label="Run"
      icon={IconPlayerPlay}
      variant="filled"
      reason={missing("jobs.manage")}
      onClick={() => void go({ to: "/jobs/new" })}
    />
  );

  const bulk = (label: string, change: "cancel" | "retry" | "remove", reason: keyof JobReasons) => {
    const possible = chosen.filter((job) => reasons(job)[reason] === undefined);
    const some = possible.length < chosen.length ? ` ${possible.length} of ${chosen.length}` : "";
    return (
      <ActionButton
        label={label + some}
        reason={possible.length === 0 && chosen[0] ? reasons(chosen[0])[reason] : undefined}
        onClick={() => ask(change, possible)}
      />
    );
  };

  return (
    <Page
      fill
      title="Jobs"
      aside={
        !list.status.pending && (
          <span className="dim">
            {count(list.rows.length, "job")}
            {list.status.more ? " loaded" : ""}
          </span>
        )
      }
      actions={run}
    >
      <Toolbar {...toolbar} filters={filters} searchLabel="Search summary or agent" />
      <SelectionBar count={chosen.length} noun="job" onClear={clear}>
        {bulk("Cancel", "cancel", "cancel")}
        {bulk("Retry", "retry", "retry")}
        {bulk("Delete", "remove", "remove")}
      </SelectionBar>
      <DataTable
        label="Jobs"
        columns={jobColumns}
        layout={table.layout}
        rows={list.rows}
        rowId={(job) => String(job.id)}
        rowName={(job) => `job ${job.id}`}
        status={list.status}
        sort={search.sort ?? "-created_at"}
        onSort={(sort) => table.set({ sort })}
        group={search.group}
        selected={selected}
        onSelect={setSelected}
        actions={(job) => <ActionMenu label={`Actions for job ${job.id}`} actions={actions(job)} />}
        empty={
          narrowed ? (
            <EmptyState
              icon={IconListDetails}
              title="No job matches"
              action={
                <Button variant="default" onClick={widen}>
                  Clear search and filters
                </Button>
              }
            />
          ) : (
            <EmptyState icon={IconListDetails} title="Nothing has been run yet" action={run}>
              A job is one command or script on one host. Run one and watch its output here.
            </EmptyState>
          )
        }
      />
      {dialogs}
    </Page>
  );
}
