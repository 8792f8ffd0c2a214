import { Button } from "@mantine/core";
import { IconPlus, IconServer2 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import type { Agent } from "~/api/types";
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
import { AddAgentDialog } from "./AddAgentDialog";
import { agentKey, agentList } from "./api";
import { agentColumns, agentFilters } from "./columns";
import { useAgentActions } from "./useAgentActions";

const route = getRouteApi("/app/agents");

export function AgentsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const go = useNavigate();
  const missing = useMissing();
  const setSearch = useCallback(
    (change: Partial<TableSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const { table, list, toolbar, narrowed, widen } = useListPage<Agent>({
    name: "agents",
    columns: agentColumns,
    search,
    setSearch,
    queryKey: agentKey,
    load: agentList,
  });
  const { data: organizations = [] } = useQuery(organizationsOptions);
  const filters = useMemo(() => agentFilters(list.rows, organizations), [list.rows, organizations]);
  const [adding, setAdding] = useState(false);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const { actions, dialogs } = useAgentActions();
  const chosen = list.rows.filter((agent) => selected.has(String(agent.id)));
  const add = (
    <ActionButton
      label="Add agent"
      icon={IconPlus}
      variant="filled"
      reason={missing("agents.install")}
      onClick={() => setAdding(true)}
    />
  );

  return (
    <Page
      fill
      title="Agents"
      aside={
        !list.status.pending && (
          <span className="dim">
            {count(list.rows.length, "agent")}
            {list.status.more ? " loaded" : ""}
            {list.rows.length > 0 &&
              `, ${list.rows.filter((agent) => agent.connection === "connected").length} connected`}
          </span>
        )
      }
      actions={add}
    >
      <Toolbar {...toolbar} filters={filters} searchLabel="Search by name" />
      <SelectionBar count={chosen.length} noun="agent" onClear={() => setSelected(new Set())}>
        <ActionButton
          label="Run a job on them"
          reason={missing("jobs.manage")}
          onClick={() => void go({ to: "/jobs/new", search: { agent: chosen.map((agent) => agent.name) } })}
        />
      </SelectionBar>
      <DataTable
        label="Agents"
        columns={agentColumns}
        layout={table.layout}
        rows={list.rows}
        rowId={(agent) => String(agent.id)}
        rowName={(agent) => agent.name}
        status={list.status}
        sort={search.sort ?? "name"}
        onSort={(sort) => table.set({ sort })}
        group={search.group}
        selected={selected}
        onSelect={setSelected}
        actions={(agent) => <ActionMenu label={`Actions for ${agent.name}`} actions={actions(agent)} />}
        empty={
          narrowed ? (
            <EmptyState
              icon={IconServer2}
              title="No agent matches"
              action={
                <Button variant="default" onClick={widen}>
                  Clear search and filters
                </Button>
              }
            />
          ) : (
            <EmptyState icon={IconServer2} title="There are no agents yet" action={add}>
              An agent runs on a host and dials out to this server. Add one to get the command that starts it.
            </EmptyState>
          )
        }
      />
      <AddAgentDialog opened={adding} onClose={() => setAdding(false)} />
      {dialogs}
    </Page>
  );
}
