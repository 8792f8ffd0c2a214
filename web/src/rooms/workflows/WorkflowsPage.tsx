import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus, IconSitemap } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import { useCallback } from "react";
import type { Workflow } from "~/api/types";
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
import { workflowKey, workflowList } from "./api";
import { workflowColumns } from "./columns";
import { useWorkflowActions } from "./useWorkflowActions";
import { NewWorkflowDialog } from "./WorkflowDialogs";

const route = getRouteApi("/app/workflows");

export function WorkflowsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const missing = useMissing();
  const [adding, { open, close }] = useDisclosure(false);
  const setSearch = useCallback(
    (change: Partial<TableSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const { table, list, toolbar, narrowed, widen } = useListPage<Workflow>({
    name: "workflows",
    columns: workflowColumns,
    search,
    setSearch,
    queryKey: workflowKey,
    load: workflowList,
  });
  const { actions, dialogs } = useWorkflowActions();
  const add = (
    <ActionButton
      label="New workflow"
      icon={IconPlus}
      variant="filled"
      reason={missing("workflows.manage")}
      onClick={open}
    />
  );
  return (
    <Page
      fill
      title="Workflows"
      aside={
        !list.status.pending && (
          <span className="dim">
            {count(list.rows.length, "workflow")}
            {list.status.more ? " loaded" : ""}
          </span>
        )
      }
      actions={add}
    >
      <Toolbar {...toolbar} filters={NO_FILTERS} searchLabel="Search by name" />
      <DataTable
        label="Workflows"
        columns={workflowColumns}
        layout={table.layout}
        rows={list.rows}
        rowId={(workflow) => String(workflow.id)}
        status={list.status}
        sort={search.sort ?? "name"}
        onSort={(sort) => table.set({ sort })}
        group={search.group}
        actions={(workflow) => (
          <ActionMenu label={`Actions for ${workflow.name}`} actions={actions(workflow)} />
        )}
        empty={
          narrowed ? (
            <EmptyState
              icon={IconSitemap}
              title="No workflow matches"
              action={
                <Button variant="default" onClick={widen}>
                  Clear search and filters
                </Button>
              }
            />
          ) : (
            <EmptyState icon={IconSitemap} title="There are no workflows yet" action={add}>
              A workflow is a list of steps that follow each other: scripts, commands and actions on hosts,
              questions to people, conditions and waits. It is edited as a draft and runs as it was published.
            </EmptyState>
          )
        }
      />
      {adding && <NewWorkflowDialog onClose={close} />}
      {dialogs}
    </Page>
  );
}

const NO_FILTERS: [] = [];
