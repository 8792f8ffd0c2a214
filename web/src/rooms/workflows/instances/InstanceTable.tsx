import { Button } from "@mantine/core";
import { IconRoute } from "@tabler/icons-react";
import { type ReactNode, useMemo } from "react";
import type { ListQuery } from "~/api/list";
import type { Instance } from "~/api/types";
import { useListPage } from "~/app/useListPage";
import { ActionMenu } from "~/ui/ActionMenu";
import { EmptyState } from "~/ui/states";
import { DataTable } from "~/ui/table/DataTable";
import { Toolbar } from "~/ui/table/Toolbar";
import type { TableSearch } from "~/ui/table/urlState";
import { instanceKey, instanceList } from "../api";
import { instanceColumns, instanceFilters, ownColumns } from "./columns";
import { useInstanceActions } from "./useInstanceActions";

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
  const columns = of === undefined ? instanceColumns : ownColumns;
  const { table, list, toolbar, narrowed, widen } = useListPage<Instance>({
    name: of === undefined ? "instances" : "instances-of-workflow",
    columns,
    search,
    setSearch,
    queryKey,
    load,
  });
  const { actions, dialogs } = useInstanceActions();
  return (
    <>
      <Toolbar
        {...toolbar}
        filters={of === undefined ? instanceFilters : instanceFilters.filter(({ id }) => id !== "workflow")}
        searchLabel={of === undefined ? "Search by workflow" : undefined}
      />
      <DataTable
        label="Instances"
        columns={columns}
        layout={table.layout}
        rows={list.rows}
        rowId={(instance) => String(instance.id)}
        status={list.status}
        group={search.group}
        actions={(instance) => (
          <ActionMenu label={`Actions for instance ${instance.id}`} actions={actions(instance)} />
        )}
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
      {dialogs}
    </>
  );
}
