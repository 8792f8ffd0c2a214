import { Button } from "@mantine/core";
import { IconRoute } from "@tabler/icons-react";
import { type ReactNode, useMemo } from "react";
import type { ListQuery } from "~/api/list";
import type { Instance } from "~/api/types";
import { useListPage } from "~/app/useListPage";
import { EmptyState } from "~/ui/states";
import { DataTable } from "~/ui/table/DataTable";
import { Toolbar } from "~/ui/table/Toolbar";
import type { TableSearch } from "~/ui/table/urlState";
import { instanceKey, instanceList } from "../api";
import { instanceColumns, instanceFilters } from "./columns";

interface InstanceTableProps {
  search: TableSearch;
  setSearch: (change: Partial<TableSearch>) => void;
  /** Only those of this workflow. */
  of?: number;
  empty: ReactNode;
}

export function InstanceTable({ search, setSearch, of, empty }: InstanceTableProps) {
  const { queryKey, load } = useMemo(() => {
    const only = of === undefined ? [] : [`workflow:${of}`];
    return {
      queryKey: [...instanceKey, of ?? "all"],
      load: (query: ListQuery) =>
        instanceList(only.length === 0 ? query : { ...query, filter: [...(query.filter ?? []), ...only] }),
    };
  }, [of]);
  const { table, list, toolbar, narrowed, widen } = useListPage<Instance>({
    name: "instances",
    columns: instanceColumns,
    search,
    setSearch,
    queryKey,
    load,
  });
  return (
    <>
      <Toolbar
        {...toolbar}
        filters={of === undefined ? instanceFilters : instanceFilters.filter(({ id }) => id !== "workflow")}
        searchLabel="Search by workflow"
      />
      <DataTable
        label="Instances"
        columns={instanceColumns}
        layout={table.layout}
        rows={list.rows}
        rowId={(instance) => String(instance.id)}
        status={list.status}
        group={search.group}
        empty={
          narrowed ? (
            <EmptyState
              icon={IconRoute}
              title="No instance matches"
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
