import { Button } from "@mantine/core";
import { IconBolt, IconPlus } from "@tabler/icons-react";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import type { SavedAction } from "~/api/types";
import { useMissing } from "~/app/session";
import { useListPage } from "~/app/useListPage";
import { ActionButton } from "~/ui/ActionButton";
import { ActionMenu } from "~/ui/ActionMenu";
import { count } from "~/ui/format";
import { Page } from "~/ui/Page";
import { EmptyState } from "~/ui/states";
import { DataTable } from "~/ui/table/DataTable";
import { Toolbar } from "~/ui/table/Toolbar";
import type { TableSearch } from "~/ui/table/urlState";
import { actionKey, actionList } from "./api";
import { actionColumns } from "./columns";
import { useActionActions } from "./useActionActions";

const route = getRouteApi("/app/actions");

export function ActionsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const go = useNavigate();
  const missing = useMissing();
  const setSearch = useCallback(
    (change: Partial<TableSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const { table, list, toolbar, narrowed, widen } = useListPage<SavedAction>({
    name: "actions",
    columns: actionColumns,
    search,
    setSearch,
    queryKey: actionKey,
    load: actionList,
  });
  const { actions, dialogs } = useActionActions();
  const add = (
    <ActionButton
      label="New action"
      icon={IconPlus}
      variant="filled"
      reason={missing("jobs.manage")}
      onClick={() => void go({ to: "/actions/new" })}
    />
  );
  return (
    <Page
      fill
      title="Actions"
      aside={
        !list.status.pending && (
          <span className="dim">
            {count(list.rows.length, "action")}
            {list.status.more ? " loaded" : ""}
          </span>
        )
      }
      actions={add}
    >
      <Toolbar {...toolbar} filters={NO_FILTERS} searchLabel="Search by name" />
      <DataTable
        label="Actions"
        columns={actionColumns}
        layout={table.layout}
        rows={list.rows}
        rowId={(action) => String(action.id)}
        status={list.status}
        sort={search.sort ?? "name"}
        onSort={(sort) => table.set({ sort })}
        group={search.group}
        actions={(action) => <ActionMenu label={`Actions for ${action.name}`} actions={actions(action)} />}
        empty={
          narrowed ? (
            <EmptyState
              icon={IconBolt}
              title="No action matches"
              action={
                <Button variant="default" onClick={widen}>
                  Clear search and filters
                </Button>
              }
            />
          ) : (
            <EmptyState icon={IconBolt} title="There are no actions yet" action={add}>
              An action is a saved operation: what it does and on which hosts is fixed, and whoever runs it is
              asked only for what was left open. It is edited as a draft and runs as it was deployed.
            </EmptyState>
          )
        }
      />
      {dialogs}
    </Page>
  );
}

const NO_FILTERS: [] = [];
