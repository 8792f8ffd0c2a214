import { Button } from "@mantine/core";
import {
  IconKey,
  IconPencil,
  IconPlus,
  IconPower,
  IconShield,
  IconTrash,
  IconUsers,
} from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { api } from "~/api/client";
import { answer } from "~/api/problem";
import type { User } from "~/api/types";
import { useMissing, useSession } from "~/app/session";
import { useListPage } from "~/app/useListPage";
import { ActionButton } from "~/ui/ActionButton";
import { type Action, ActionMenu } from "~/ui/ActionMenu";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { count, dateOnly, dateTime } from "~/ui/format";
import { Page } from "~/ui/Page";
import { RelativeTime } from "~/ui/RelativeTime";
import { EmptyState } from "~/ui/states";
import { type Column, DataTable } from "~/ui/table/DataTable";
import { Toolbar } from "~/ui/table/Toolbar";
import type { TableSearch } from "~/ui/table/urlState";
import { toastDone, toastProblem } from "~/ui/toast";
import { userKey, userList } from "./api";
import { AddUserDialog, EditUserDialog, PasswordDialog, RolesDialog, usePlaces } from "./UserDialogs";
import { type Place, ROLE, scopeText } from "./words";

const route = getRouteApi("/app/users");

const FILTERS = [
  {
    id: "active",
    label: "Active",
    single: true,
    options: [
      { value: "true", label: "Yes" },
      { value: "false", label: "No" },
    ],
  },
];

function userColumns(places: Place[]): Column<User>[] {
  const roles = (user: User) =>
    user.bindings.map((binding) => `${ROLE[binding.role]} (${scopeText(binding.scope, places)})`).join(", ");
  return [
    {
      id: "username",
      label: "User name",
      fixed: true,
      sort: "username",
      text: (user) => user.username,
      cell: (user) => <strong>{user.username}</strong>,
    },
    {
      id: "display_name",
      label: "Name",
      text: (user) => user.display_name,
      cell: (user) => user.display_name || "–",
    },
    {
      id: "email",
      label: "E-mail",
      text: (user) => user.email ?? "",
      cell: (user) => user.email ?? <span className="dim">–</span>,
    },
    {
      id: "roles",
      label: "Roles",
      groupable: true,
      text: roles,
      cell: (user) => roles(user) || <span className="dim">none</span>,
    },
    {
      id: "active",
      label: "Active",
      groupable: true,
      text: (user) => (user.active ? "yes" : "no"),
      cell: (user) => (user.active ? "Yes" : <strong>No</strong>),
    },
    {
      id: "last_sign_in",
      label: "Last sign-in",
      text: (user) => user.last_sign_in_at ?? "",
      cell: (user) => <RelativeTime at={user.last_sign_in_at} />,
    },
    {
      id: "created",
      label: "Created",
      text: (user) => user.created_at,
      cell: (user) => (
        <time dateTime={user.created_at} title={dateTime(user.created_at)}>
          {dateOnly(user.created_at)}
        </time>
      ),
    },
  ];
}

type Asked = { what: "edit" | "roles" | "password" | "remove"; user: User };

export function UsersPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const missing = useMissing();
  const { user: me } = useSession();
  const reason = missing("users.manage");
  const places = usePlaces(me.tenant_id);
  const columns = useMemo(() => userColumns(places), [places]);
  const setSearch = useCallback(
    (change: Partial<TableSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const { table, list, toolbar, widen } = useListPage<User>({
    name: "users",
    columns,
    search,
    setSearch,
    queryKey: userKey,
    load: userList,
  });
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);

  const activate = useMutation({
    mutationFn: (user: User) =>
      answer(
        api.PATCH("/api/v1/users/{id}", {
          params: { path: { id: user.id } },
          body: { active: !user.active },
        }),
      ),
    onSuccess: async (user) => {
      await client.invalidateQueries({ queryKey: userKey });
      toastDone(
        user.active ? `${user.username} can sign in again` : `${user.username} is signed out everywhere`,
      );
    },
    onError: (error) => toastProblem("The user is as before", error),
  });
  const remove = useMutation({
    mutationFn: (user: User) =>
      answer(api.DELETE("/api/v1/users/{id}", { params: { path: { id: user.id } } })),
    onSuccess: async (_, user) => {
      close();
      await client.invalidateQueries({ queryKey: userKey });
      toastDone(`${user.username} is deleted`);
    },
  });

  const actions = (user: User): (Action | "divider")[] => {
    const own = user.id === me.id ? "This is you: somebody else has to do it" : undefined;
    return [
      { label: "Edit", icon: IconPencil, reason, onSelect: () => setAsked({ what: "edit", user }) },
      { label: "Roles", icon: IconShield, reason, onSelect: () => setAsked({ what: "roles", user }) },
      {
        label: "Change password",
        icon: IconKey,
        reason,
        onSelect: () => setAsked({ what: "password", user }),
      },
      {
        label: user.active ? "Switch off" : "Switch on",
        icon: IconPower,
        reason: reason ?? own,
        onSelect: () => activate.mutate(user),
      },
      "divider",
      {
        label: "Delete",
        icon: IconTrash,
        danger: true,
        reason: reason ?? own,
        onSelect: () => {
          remove.reset();
          setAsked({ what: "remove", user });
        },
      },
    ];
  };
  const add = (
    <ActionButton
      label="Add user"
      icon={IconPlus}
      variant="filled"
      reason={reason}
      onClick={() => setAdding(true)}
    />
  );

  return (
    <Page
      fill
      title="Users & access"
      aside={!list.status.pending && <span className="dim">{count(list.rows.length, "user")}</span>}
      actions={add}
    >
      <Toolbar {...toolbar} filters={FILTERS} searchLabel="Search users" />
      <DataTable
        label="Users"
        columns={columns}
        layout={table.layout}
        rows={list.rows}
        rowId={(user) => String(user.id)}
        status={list.status}
        sort={search.sort ?? "username"}
        onSort={(sort) => table.set({ sort })}
        group={search.group}
        actions={(user) => <ActionMenu label={`Actions for ${user.username}`} actions={actions(user)} />}
        empty={
          <EmptyState
            icon={IconUsers}
            title="No user matches"
            action={
              <Button variant="default" onClick={widen}>
                Clear search and filters
              </Button>
            }
          />
        }
      />
      <AddUserDialog opened={adding} onClose={() => setAdding(false)} />
      {asked?.what === "edit" && <EditUserDialog user={asked.user} onClose={close} />}
      {asked?.what === "roles" && <RolesDialog user={asked.user} onClose={close} />}
      {asked?.what === "password" && <PasswordDialog user={asked.user} onClose={close} />}
      <ConfirmDialog
        opened={asked?.what === "remove"}
        title={`Delete ${asked?.user.username ?? ""}`}
        confirmLabel="Delete"
        danger
        pending={remove.isPending}
        error={remove.error}
        onConfirm={() => asked && remove.mutate(asked.user)}
        onClose={close}
      >
        Their sessions and API tokens end at once. The audit trail keeps their name beside what they did.
      </ConfirmDialog>
    </Page>
  );
}
