import { Alert, Button, Checkbox, Group, Modal, NumberInput, Radio, Stack, TextInput } from "@mantine/core";
import { IconAlertTriangle, IconKey, IconPlus, IconTrash } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type FormEvent, useCallback, useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer, asProblem, problemsByField } from "~/api/problem";
import type { Permission, Token, TokenCreate, TokenCreated } from "~/api/types";
import { useSession } from "~/app/session";
import { useListPage } from "~/app/useListPage";
import { ActionMenu } from "~/ui/ActionMenu";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { CopyField } from "~/ui/CopyField";
import { count, dateOnly, dateTime } from "~/ui/format";
import { useNow } from "~/ui/now";
import { Page } from "~/ui/Page";
import { Pill } from "~/ui/Pill";
import { RelativeTime } from "~/ui/RelativeTime";
import { EmptyState, ProblemAlert } from "~/ui/states";
import { type Column, DataTable } from "~/ui/table/DataTable";
import { Toolbar } from "~/ui/table/Toolbar";
import type { TableSearch } from "~/ui/table/urlState";
import { toastDone } from "~/ui/toast";
import { tokenKey, tokenList } from "./api";
import { PERMISSION, PERMISSIONS } from "./words";

const route = getRouteApi("/app/tokens");
const DEFAULT_DAYS = 90;

const permissionsText = (token: Token) => token.permissions?.join(", ") ?? "everything its user may do";

const COLUMNS: Column<Token>[] = [
  {
    id: "name",
    label: "Name",
    fixed: true,
    text: (token) => token.name,
    cell: (token) => <strong>{token.name}</strong>,
  },
  {
    id: "user",
    label: "User",
    groupable: true,
    text: (token) => token.username,
    cell: (token) => token.username,
  },
  {
    id: "permissions",
    label: "Permissions",
    groupable: true,
    text: permissionsText,
    cell: (token) =>
      token.permissions ? (
        <span className="mono">{permissionsText(token)}</span>
      ) : (
        <span className="dim">{permissionsText(token)}</span>
      ),
  },
  {
    id: "created",
    label: "Created",
    text: (token) => token.created_at,
    cell: (token) => (
      <time dateTime={token.created_at} title={dateTime(token.created_at)}>
        {dateOnly(token.created_at)}
      </time>
    ),
  },
  {
    id: "expires",
    label: "Expires",
    text: (token) => token.expires_at,
    cell: (token) => <Expiry at={token.expires_at} />,
  },
  {
    id: "last_used",
    label: "Last used",
    text: (token) => token.last_used_at ?? "",
    cell: (token) => <RelativeTime at={token.last_used_at} />,
  },
];

function Expiry({ at }: { at: string }) {
  const now = useNow();
  return Date.parse(at) <= now ? <Pill tone="bad">Expired</Pill> : <RelativeTime at={at} />;
}

export function TokensPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const client = useQueryClient();
  const setSearch = useCallback(
    (change: Partial<TableSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const { table, list, toolbar, narrowed } = useListPage<Token>({
    name: "tokens",
    columns: COLUMNS,
    search,
    setSearch,
    queryKey: tokenKey,
    load: tokenList,
  });
  const [adding, setAdding] = useState(false);
  const [revoking, setRevoking] = useState<Token>();
  const revoke = useMutation({
    mutationFn: (token: Token) =>
      answer(api.DELETE("/api/v1/tokens/{id}", { params: { path: { id: token.id } } })),
    onSuccess: async (_, token) => {
      setRevoking(undefined);
      await client.invalidateQueries({ queryKey: tokenKey });
      toastDone(`${token.name} no longer works`);
    },
  });
  const add = (
    <Button leftSection={<IconPlus size={15} aria-hidden />} onClick={() => setAdding(true)}>
      Create token
    </Button>
  );
  return (
    <Page
      fill
      title="API tokens"
      aside={!list.status.pending && <span className="dim">{count(list.rows.length, "token")}</span>}
      actions={add}
    >
      <Toolbar {...toolbar} filters={[]} searchLabel="Search tokens" />
      <DataTable
        label="API tokens"
        columns={COLUMNS}
        layout={table.layout}
        rows={list.rows}
        rowId={(token) => String(token.id)}
        status={list.status}
        group={search.group}
        actions={(token) => (
          <ActionMenu
            label={`Actions for ${token.name}`}
            actions={[
              {
                label: "Revoke",
                icon: IconTrash,
                danger: true,
                onSelect: () => {
                  revoke.reset();
                  setRevoking(token);
                },
              },
            ]}
          />
        )}
        empty={
          <EmptyState
            icon={IconKey}
            title={narrowed ? "No token matches" : "There are no API tokens"}
            action={narrowed ? undefined : add}
          >
            A token lets a program or the command line act in your name, with no more than you may do.
          </EmptyState>
        }
      />
      <CreateTokenDialog opened={adding} onClose={() => setAdding(false)} />
      <ConfirmDialog
        opened={revoking !== undefined}
        title={`Revoke ${revoking?.name ?? ""}`}
        confirmLabel="Revoke"
        danger
        pending={revoke.isPending}
        error={revoke.error}
        onConfirm={() => revoking && revoke.mutate(revoking)}
        onClose={() => setRevoking(undefined)}
      >
        Whatever uses this token is refused from now on. This cannot be undone.
      </ConfirmDialog>
    </Page>
  );
}

function CreateTokenDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [created, setCreated] = useState<TokenCreated>();
  const close = () => {
    setCreated(undefined);
    onClose();
  };
  return (
    <Modal
      opened={opened}
      onClose={close}
      size="lg"
      title={created ? `Token ${created.token.name}` : "Create an API token"}
      closeOnClickOutside={!created}
    >
      {created ? (
        <Stack gap="md">
          <CopyField label="Secret" value={created.secret} />
          <Alert color="yellow" variant="light" icon={<IconAlertTriangle aria-hidden />}>
            It is shown only here. Keep it as you would keep a password. It expires on{" "}
            {dateOnly(created.token.expires_at)}.
          </Alert>
          <Group justify="flex-end">
            <Button onClick={close}>Done</Button>
          </Group>
        </Stack>
      ) : (
        <CreateTokenForm onCreated={setCreated} onCancel={close} />
      )}
    </Modal>
  );
}

function CreateTokenForm(props: { onCreated: (created: TokenCreated) => void; onCancel: () => void }) {
  const client = useQueryClient();
  const intent = useIntent();
  const held = useSession().permissions;
  const [name, setName] = useState("");
  const [days, setDays] = useState<number | string>(DEFAULT_DAYS);
  const [scope, setScope] = useState("all");
  const [only, setOnly] = useState<string[]>([]);
  const create = useMutation({
    mutationFn: (body: TokenCreate) =>
      answer(api.POST("/api/v1/tokens", { body, headers: intent.headers(body) })),
    onSuccess: async (created) => {
      intent.done();
      await client.invalidateQueries({ queryKey: tokenKey });
      props.onCreated(created);
    },
  });
  const { at, rest } = problemsByField(create.error ? asProblem(create.error).fields : [], [
    "name",
    "expires_in_days",
    "permissions",
  ]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const permissions: Permission[] = PERMISSIONS.filter((permission) => only.includes(permission));
    create.mutate({
      name: name.trim(),
      expires_in_days: days === "" ? undefined : Number(days),
      permissions: scope === "only" ? permissions : undefined,
    });
  };
  return (
    <form onSubmit={submit} onChange={() => create.error && create.reset()}>
      <Stack gap="md">
        {create.error && (rest.length > 0 || Object.keys(at).length === 0) ? (
          <ProblemAlert error={create.error} />
        ) : null}
        <TextInput
          label="Name"
          description="What it is for."
          required
          data-autofocus
          value={name}
          error={at.name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <NumberInput
          label="Expires in days"
          min={1}
          max={365}
          clampBehavior="none"
          allowDecimal={false}
          value={days}
          error={at.expires_in_days}
          onChange={setDays}
        />
        <Radio.Group label="Permissions" value={scope} onChange={setScope} error={at.permissions}>
          <Stack gap="xs" mt={4}>
            <Radio size="xs" value="all" label="Everything I may do" />
            <Radio size="xs" value="only" label="Only these" />
          </Stack>
        </Radio.Group>
        {scope === "only" && (
          <Checkbox.Group aria-label="Only these permissions" value={only} onChange={setOnly}>
            <Stack gap="xs" pl="lg">
              {held.map((permission) => (
                <Checkbox
                  key={permission}
                  size="xs"
                  value={permission}
                  label={PERMISSION[permission]}
                  description={permission}
                />
              ))}
            </Stack>
          </Checkbox.Group>
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={props.onCancel}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending} disabled={scope === "only" && only.length === 0}>
            Create token
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
