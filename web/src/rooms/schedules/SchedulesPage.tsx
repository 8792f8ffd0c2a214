import { Button } from "@mantine/core";
import { IconCalendarTime, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import type { Schedule } from "~/api/types";
import { useMissing } from "~/app/session";
import { useListPage } from "~/app/useListPage";
import { actionsOptions } from "~/rooms/scripts/actions/api";
import { scriptsOptions } from "~/rooms/scripts/api";
import { workflowsOptions } from "~/rooms/workflows/api";
import { ActionButton } from "~/ui/ActionButton";
import { ActionMenu } from "~/ui/ActionMenu";
import { count } from "~/ui/format";
import { Page } from "~/ui/Page";
import { EmptyState } from "~/ui/states";
import { DataTable } from "~/ui/table/DataTable";
import { Toolbar } from "~/ui/table/Toolbar";
import type { TableSearch } from "~/ui/table/urlState";
import { scheduleKey, scheduleList } from "./api";
import { scheduleColumns, scheduleFilters } from "./columns";
import { useScheduleActions } from "./useScheduleActions";

const route = getRouteApi("/app/schedules");

export function SchedulesPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const go = useNavigate();
  const missing = useMissing();
  const setSearch = useCallback(
    (change: Partial<TableSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const scripts = useQuery({ ...scriptsOptions, enabled: missing("scripts.view") === undefined });
  const actionNames = useQuery({ ...actionsOptions, enabled: missing("jobs.view") === undefined });
  const workflowNames = useQuery({
    ...workflowsOptions,
    enabled: missing("workflows.view") === undefined,
  });
  const columns = useMemo(
    () =>
      scheduleColumns({
        scripts: byId(scripts.data),
        actions: byId(actionNames.data),
        workflows: byId(workflowNames.data),
      }),
    [scripts.data, actionNames.data, workflowNames.data],
  );
  const { table, list, toolbar, narrowed, widen } = useListPage<Schedule>({
    name: "schedules",
    columns,
    search,
    setSearch,
    queryKey: scheduleKey,
    load: scheduleList,
  });
  const filters = useMemo(() => scheduleFilters(list.rows), [list.rows]);
  const { actions, dialogs } = useScheduleActions();
  const add = (
    <ActionButton
      label="New schedule"
      icon={IconPlus}
      variant="filled"
      reason={missing("jobs.manage")}
      onClick={() => void go({ to: "/schedules/new" })}
    />
  );
  return (
    <Page
      fill
      title="Schedules"
      aside={
        !list.status.pending && (
          <span className="dim">
            {count(list.rows.length, "schedule")}
            {list.status.more ? " loaded" : ""}
          </span>
        )
      }
      actions={add}
    >
      <Toolbar {...toolbar} filters={filters} searchLabel="Search by name" />
      <DataTable
        label="Schedules"
        columns={columns}
        layout={table.layout}
        rows={list.rows}
        rowId={(schedule) => String(schedule.id)}
        status={list.status}
        sort={search.sort ?? "name"}
        onSort={(sort) => table.set({ sort })}
        group={search.group}
        actions={(schedule) => (
          <ActionMenu label={`Actions for ${schedule.name}`} actions={actions(schedule)} />
        )}
        empty={
          narrowed ? (
            <EmptyState
              icon={IconCalendarTime}
              title="No schedule matches"
              action={
                <Button variant="default" onClick={widen}>
                  Clear search and filters
                </Button>
              }
            />
          ) : (
            <EmptyState icon={IconCalendarTime} title="There are no schedules yet" action={add}>
              A schedule runs a job, a saved script, an action or a workflow again and again, at the ticks of
              a cron expression in any time zone. Each tick makes exactly one execution or instance.
            </EmptyState>
          )
        }
      />
      {dialogs}
    </Page>
  );
}

const byId = (named: { id: number; name: string }[] = []) => new Map(named.map(({ id, name }) => [id, name]));
