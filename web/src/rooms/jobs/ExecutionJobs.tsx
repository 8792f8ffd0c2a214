import { Button } from "@mantine/core";
import { IconColumns2, IconListDetails } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import type { ListQuery } from "~/api/list";
import type { Job } from "~/api/types";
import { useListPage } from "~/app/useListPage";
import { ActionButton } from "~/ui/ActionButton";
import { ActionMenu } from "~/ui/ActionMenu";
import { EmptyState } from "~/ui/states";
import { type Column, DataTable } from "~/ui/table/DataTable";
import { SelectionBar } from "~/ui/table/SelectionBar";
import { Toolbar } from "~/ui/table/Toolbar";
import type { TableSearch } from "~/ui/table/urlState";
import { jobKey, jobList } from "./api";
import { jobColumns, stateFilter } from "./columns";
import { SideBySide } from "./SideBySide";
import { useJobActions } from "./useJobActions";

const route = getRouteApi("/app/executions/$executionId");
/** More columns than this cannot be read beside each other. */
const BESIDE = 4;

const pick = (id: string, change: Partial<Column<Job>> = {}): Column<Job>[] =>
  jobColumns.filter((column) => column.id === id).map((column) => ({ ...column, ...change }));

const COLUMNS: Column<Job>[] = [
  ...pick("id"),
  ...pick("agent", { label: "Host" }),
  ...pick("state"),
  ...pick("exit_code"),
  ...pick("duration"),
  ...pick("batch", { hidden: false }),
  ...pick("reason", { hidden: false }),
  ...pick("attempt"),
  ...pick("finished"),
];

/** The jobs of one execution: by outcome, and the output of a few of them side by side. */
export function ExecutionJobs({ id, hosts }: { id: number; hosts: number }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const setSearch = useCallback(
    (change: Partial<TableSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const { queryKey, load } = useMemo(
    () => ({
      queryKey: [...jobKey, "of", id],
      load: (query: ListQuery) => jobList({ ...query, filter: [...(query.filter ?? []), `execution:${id}`] }),
    }),
    [id],
  );
  const { table, list, toolbar, narrowed, widen } = useListPage<Job>({
    name: "execution-jobs",
    columns: COLUMNS,
    search,
    setSearch,
    queryKey,
    load,
  });
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const { actions, dialogs } = useJobActions();
  const beside = (search.outputs ?? "").split(",").map(Number).filter(Boolean).slice(0, BESIDE);
  const setBeside = (jobs: number[]) =>
    void navigate({
      search: (before) => ({ ...before, outputs: jobs.length > 0 ? jobs.join(",") : undefined }),
      replace: true,
    });
  const chosen = list.rows.filter((job) => selected.has(String(job.id)));

  return (
    <>
      {beside.length > 0 && (
        <SideBySide jobs={beside} onRemove={(job) => setBeside(beside.filter((other) => other !== job))} />
      )}
      <Toolbar {...toolbar} filters={[stateFilter]} searchLabel="Search by host" />
      <SelectionBar count={chosen.length} noun="job" onClear={() => setSelected(new Set())}>
        <ActionButton
          label="Output side by side"
          icon={IconColumns2}
          reason={chosen.length > BESIDE ? `At most ${BESIDE} can be read beside each other` : undefined}
          onClick={() => setBeside(chosen.map((job) => job.id))}
        />
      </SelectionBar>
      <DataTable
        label="Jobs of the execution"
        columns={COLUMNS}
        layout={table.layout}
        rows={list.rows}
        rowId={(job) => String(job.id)}
        rowName={(job) => job.agent}
        status={list.status}
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
            <EmptyState icon={IconListDetails} title="Its jobs are gone">
              {hosts === 0 ? "They were deleted." : "You may not see them."}
            </EmptyState>
          )
        }
      />
      {dialogs}
    </>
  );
}
