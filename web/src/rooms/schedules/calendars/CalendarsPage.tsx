import { Button } from "@mantine/core";
import { IconCalendarOff, IconPencil, IconPlus, IconShieldCheck, IconTrash } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import { api } from "~/api/client";
import { answer } from "~/api/problem";
import type { Calendar } from "~/api/types";
import { useMissing } from "~/app/session";
import { useListPage } from "~/app/useListPage";
import { ActionButton } from "~/ui/ActionButton";
import { type Action, ActionMenu } from "~/ui/ActionMenu";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { count } from "~/ui/format";
import { Page } from "~/ui/Page";
import { EmptyState } from "~/ui/states";
import { DataTable } from "~/ui/table/DataTable";
import { Toolbar } from "~/ui/table/Toolbar";
import type { TableSearch } from "~/ui/table/urlState";
import { toastDone } from "~/ui/toast";
import { calendarKey, calendarList } from "../api";
import { calendarRemoveReason } from "../rules";
import { CalendarDialog } from "./CalendarDialog";
import { calendarColumns } from "./columns";

const route = getRouteApi("/app/calendars");

type Asked = { what: "edit" | "remove"; calendar: Calendar };

export function CalendarsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const go = useNavigate();
  const missing = useMissing();
  const client = useQueryClient();
  const setSearch = useCallback(
    (change: Partial<TableSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const { table, list, toolbar, narrowed, widen } = useListPage<Calendar>({
    name: "calendars",
    columns: calendarColumns,
    search,
    setSearch,
    queryKey: calendarKey,
    load: calendarList,
  });
  const [adding, setAdding] = useState(false);
  const [asked, setAsked] = useState<Asked>();
  const manage = missing("jobs.manage");
  const remove = useMutation({
    mutationFn: (calendar: Calendar) =>
      answer(api.DELETE("/api/v1/calendars/{id}", { params: { path: { id: calendar.id } } })),
    onSuccess: async (_, calendar) => {
      setAsked(undefined);
      toastDone(`${calendar.name} is deleted`);
      await client.invalidateQueries({ queryKey: calendarKey });
    },
  });
  const actions = (calendar: Calendar): (Action | "divider")[] => [
    {
      label: "Edit",
      icon: IconPencil,
      reason: manage,
      onSelect: () => setAsked({ what: "edit", calendar }),
    },
    {
      label: "View audit",
      icon: IconShieldCheck,
      reason: missing("audit.view"),
      onSelect: () => void go({ to: "/audit", search: { filter: [`object:calendar:${calendar.id}`] } }),
    },
    "divider",
    {
      label: "Delete",
      icon: IconTrash,
      danger: true,
      reason: calendarRemoveReason(calendar, missing),
      onSelect: () => {
        remove.reset();
        setAsked({ what: "remove", calendar });
      },
    },
  ];
  const add = (
    <ActionButton
      label="Add calendar"
      icon={IconPlus}
      variant="filled"
      reason={manage}
      onClick={() => setAdding(true)}
    />
  );
  return (
    <Page
      fill
      title="Calendars"
      aside={!list.status.pending && <span className="dim">{count(list.rows.length, "calendar")}</span>}
      actions={add}
    >
      <Toolbar {...toolbar} filters={[]} searchLabel="Search by name" />
      <DataTable
        label="Calendars"
        columns={calendarColumns}
        layout={table.layout}
        rows={list.rows}
        rowId={(calendar) => String(calendar.id)}
        status={list.status}
        sort={search.sort ?? "name"}
        onSort={(sort) => table.set({ sort })}
        group={search.group}
        actions={(calendar) => (
          <ActionMenu label={`Actions for ${calendar.name}`} actions={actions(calendar)} />
        )}
        empty={
          narrowed ? (
            <EmptyState
              icon={IconCalendarOff}
              title="No calendar matches"
              action={
                <Button variant="default" onClick={widen}>
                  Clear search
                </Button>
              }
            />
          ) : (
            <EmptyState icon={IconCalendarOff} title="There are no calendars yet" action={add}>
              A calendar names times in which nothing begins: hours of weekdays, or days. A schedule that goes
              by one waits for the end of a blackout, or passes its ticks over; jobs of a host group wait, or
              are skipped.
            </EmptyState>
          )
        }
      />
      <CalendarDialog opened={adding} onClose={() => setAdding(false)} />
      <CalendarDialog
        opened={asked?.what === "edit"}
        calendar={asked?.calendar}
        onClose={() => setAsked(undefined)}
      />
      <ConfirmDialog
        opened={asked?.what === "remove"}
        title={`Delete ${asked?.calendar.name ?? ""}`}
        confirmLabel="Delete"
        danger
        pending={remove.isPending}
        error={remove.error}
        onConfirm={() => asked && remove.mutate(asked.calendar)}
        onClose={() => setAsked(undefined)}
      >
        Nothing goes by it, so nothing runs at other times than before.
      </ConfirmDialog>
    </Page>
  );
}
