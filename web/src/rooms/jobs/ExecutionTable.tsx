import { Button } from "@mantine/core";
import { IconPlayerTrackNext } from "@tabler/icons-react";
import { type ReactNode, useMemo } from "react";
import type { ListQuery } from "~/api/list";
import type { Execution } from "~/api/types";
import { useListPage } from "~/app/useListPage";
import { EmptyState } from "~/ui/states";
import { DataTable } from "~/ui/table/DataTable";
import { Toolbar } from "~/ui/table/Toolbar";
import type { TableSearch } from "~/ui/table/urlState";
import { executionKey, executionList } from "./api";
import { executionColumns, executionFilters } from "./executionColumns";

interface ExecutionTableProps {
  search: TableSearch;
  setSearch: (change: Partial<TableSearch>) => void;
  /** Only those of this script or action. */
  of?: { field: "script" | "action"; id: number };
  empty: ReactNode;
}

export function ExecutionTable({ search, setSearch, of, empty }: ExecutionTableProps) {
  const only = of && `${of.field}:${of.id}`;
  const { queryKey, load } = useMemo(
    () => ({
      queryKey: [...executionKey, only ?? "all"],
      load: (query: ListQuery) =>
        executionList(only === undefined ? query : { ...query, filter: [...(query.filter ?? []), only] }),
    }),
    [only],
  );
  const { table, list, toolbar, narrowed, widen } = useListPage<Execution>({
    name: "executions",
    columns: executionColumns,
    search,
    setSearch,
    queryKey,
    load,
  });
  return (
    <>
      <Toolbar
        {...toolbar}
        filters={of ? executionFilters.filter(({ id }) => id !== of.field) : executionFilters}
        searchLabel="Search summary"
      />
      <DataTable
        label="Executions"
        columns={executionColumns}
        layout={table.layout}
        rows={list.rows}
        rowId={(execution) => String(execution.id)}
        status={list.status}
        sort={search.sort ?? "-created_at"}
        onSort={(sort) => table.set({ sort })}
        group={search.group}
        empty={
          narrowed ? (
            <EmptyState
              icon={IconPlayerTrackNext}
              title="No execution matches"
              action={
                <Button variant="default" onClick={widen}>
                  Clear search and filters
                </Button>
              }
            />
          ) : (
            empty
          )
        }
      />
    </>
  );
}
