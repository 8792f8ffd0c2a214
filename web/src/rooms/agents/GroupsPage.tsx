import { Button } from "@mantine/core";
import { IconPencil, IconPlayerPlay, IconPlus, IconServerBolt, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { api } from "~/api/client";
import { answer } from "~/api/problem";
import type { Group } from "~/api/types";
import { useMissing } from "~/app/session";
import { useListPage } from "~/app/useListPage";
import { calendarsOptions } from "~/rooms/schedules/api";
import { ActionButton } from "~/ui/ActionButton";
import { type Action, ActionMenu } from "~/ui/ActionMenu";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { count } from "~/ui/format";
import { Page } from "~/ui/Page";
import { RelativeTime } from "~/ui/RelativeTime";
import { EmptyState } from "~/ui/states";
import { type Column, DataTable } from "~/ui/table/DataTable";
import { Toolbar } from "~/ui/table/Toolbar";
import type { TableSearch } from "~/ui/table/urlState";
import { toastDone } from "~/ui/toast";
import { groupKey, groupList } from "./api";
import { BLACKOUT_JOBS, blackoutWords } from "./blackout";
import { GroupDialog } from "./GroupDialog";
import { targetWords } from "./targets";

const route = getRouteApi("/app/groups");

/** `calendars`: names by id, as far as they are known. */
function groupColumns(calendars: Map<number, string>): Column<Group>[] {
  return [
    {
      id: "name",
      label: "Name",
      fixed: true,
      sort: "name",
      minWidth: "9rem",
      text: (group) => group.name,
      cell: (group) => <strong>{group.name}</strong>,
    },
    {
      id: "hosts",
      label: "Hosts",
      minWidth: "14rem",
      text: (group) => targetWords(group.targets),
      cell: (group) => <span className="mono">{targetWords(group.targets)}</span>,
    },
    {
      id: "blackout",
      label: "Blackout",
      text: ({ blackout }) => (blackout ? blackoutWords(blackout, calendars) : ""),
      cell: ({ blackout }) =>
        blackout ? (
          <span title={BLACKOUT_JOBS[blackout.jobs].help}>{blackoutWords(blackout, calendars)}</span>
        ) : (
          <span className="dim">none</span>
        ),
    },
    {
      id: "description",
      label: "Description",
      text: (group) => group.description,
      cell: (group) => group.description || <span className="dim">–</span>,
    },
    {
      id: "created",
      label: "Created",
      text: (group) => group.created_at,
      cell: (group) => <RelativeTime at={group.created_at} />,
    },
  ];
}

type Asked = { what: "edit" | "remove"; group: Group };

export function GroupsPage() {
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
  const calendars = useQuery({ ...calendarsOptions, enabled: missing("jobs.view") === undefined });
  const columns = useMemo(
    () => groupColumns(new Map(calendars.data?.map(({ id, name }) => [id, name]))),
    [calendars.data],
  );
  const { table, list, toolbar, narrowed, widen } = useListPage<Group>({
    name: "groups",
    columns,
    search,
    setSearch,
    queryKey: groupKey,
    load: groupList,
  });
  const [adding, setAdding] = useState(false);
  const [asked, setAsked] = useState<Asked>();
  const manage = missing("agents.manage");
  const remove = useMutation({
    mutationFn: (group: Group) =>
      answer(api.DELETE("/api/v1/groups/{id}", { params: { path: { id: group.id } } })),
    onSuccess: async (_, group) => {
      setAsked(undefined);
      toastDone(`${group.name} is deleted`);
      await client.invalidateQueries({ queryKey: groupKey });
    },
  });
  const actions = (group: Group): (Action | "divider")[] => [
    {
      label: "Run a job",
      icon: IconPlayerPlay,
      reason: missing("jobs.manage"),
      onSelect: () => void go({ to: "/jobs/new", search: { group: [group.name] } }),
    },
    {
      label: "Edit",
      icon: IconPencil,
      reason: manage,
      onSelect: () => setAsked({ what: "edit", group }),
    },
    "divider",
    {
      label: "Delete",
      icon: IconTrash,
      danger: true,
      reason: manage,
      onSelect: () => {
        remove.reset();
        setAsked({ what: "remove", group });
      },
    },
  ];
  const add = (
    <ActionButton
      label="Add host group"
      icon={IconPlus}
      variant="filled"
      reason={manage}
      onClick={() => setAdding(true)}
    />
  );

  return (
    <Page
      fill
      title="Host groups"
      aside={!list.status.pending && <span className="dim">{count(list.rows.length, "group")}</span>}
      actions={add}
    >
      <Toolbar {...toolbar} filters={[]} searchLabel="Search by name" />
      <DataTable
        label="Host groups"
        columns={columns}
        layout={table.layout}
        rows={list.rows}
        rowId={(group) => String(group.id)}
        status={list.status}
        sort={search.sort ?? "name"}
        onSort={(sort) => table.set({ sort })}
        actions={(group) => <ActionMenu label={`Actions for ${group.name}`} actions={actions(group)} />}
        empty={
          narrowed ? (
            <EmptyState
              icon={IconServerBolt}
              title="No host group matches"
              action={
                <Button variant="default" onClick={widen}>
                  Clear search
                </Button>
              }
            />
          ) : (
            <EmptyState icon={IconServerBolt} title="There are no host groups yet" action={add}>
              A host group keeps a choice of hosts under a name. Which hosts that is follows from their labels
              and places each time it is used.
            </EmptyState>
          )
        }
      />
      <GroupDialog opened={adding} onClose={() => setAdding(false)} />
      <GroupDialog opened={asked?.what === "edit"} group={asked?.group} onClose={() => setAsked(undefined)} />
      <ConfirmDialog
        opened={asked?.what === "remove"}
        title={`Delete ${asked?.group.name ?? ""}`}
        confirmLabel="Delete"
        danger
        pending={remove.isPending}
        error={remove.error}
        onConfirm={() => asked && remove.mutate(asked.group)}
        onClose={() => setAsked(undefined)}
      >
        The group disappears; its hosts and what ran on them stay as they are.
      </ConfirmDialog>
    </Page>
  );
}
