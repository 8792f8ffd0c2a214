import { Button } from "@mantine/core";
import {
  IconKey,
  IconPencil,
  IconPlus,
  IconPower,
  IconSend,
  IconTrash,
  IconWebhook,
} from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "~/api/client";
import { answer } from "~/api/problem";
import type { Webhook, WebhookSaved } from "~/api/types";
import { useMissing } from "~/app/session";
import { useListPage } from "~/app/useListPage";
import { ActionButton } from "~/ui/ActionButton";
import { type Action, ActionMenu } from "~/ui/ActionMenu";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { EmptyState } from "~/ui/states";
import { DataTable } from "~/ui/table/DataTable";
import { Toolbar } from "~/ui/table/Toolbar";
import type { TableSearch } from "~/ui/table/urlState";
import { toastDone, toastProblem } from "~/ui/toast";
import { deliveryKey, webhookKey, webhookList } from "./api";
import { webhookColumns } from "./columns";
import classes from "./notify.module.css";
import { webhookTestReason } from "./rules";
import { SignatureHelp } from "./SignatureHelp";
import { SecretDialog, WebhookDialog } from "./WebhookDialogs";

type Asked = { what: "edit" | "secret" | "remove"; webhook: Webhook } | { what: "add" };

interface WebhooksTabProps {
  /** Shows what became of a test. */
  onSent: (delivery: number) => void;
}

/** Programs elsewhere that are told of what happens. */
export function WebhooksTab({ onSent }: WebhooksTabProps) {
  const missing = useMissing();
  const client = useQueryClient();
  const settings = missing("settings.manage");
  // Those in the address are of the messages.
  const [search, setSearch] = useState<TableSearch>({});
  const [asked, setAsked] = useState<Asked>();
  const [saved, setSaved] = useState<WebhookSaved>();
  const close = () => setAsked(undefined);
  const refresh = () => client.invalidateQueries({ queryKey: webhookKey });
  const { table, list, toolbar, narrowed, widen } = useListPage<Webhook>({
    name: "webhooks",
    columns: webhookColumns,
    search,
    setSearch: (change) => setSearch((before) => ({ ...before, ...change })),
    queryKey: webhookKey,
    load: webhookList,
  });

  const activate = useMutation({
    mutationFn: ({ id, active }: Webhook) =>
      answer(api.PATCH("/api/v1/webhooks/{id}", { params: { path: { id } }, body: { active: !active } })),
    onSuccess: async ({ name, active }) => {
      toastDone(active ? `${name} is told again` : `${name} is told nothing any more`);
      await refresh();
    },
    onError: (error) => toastProblem("The webhook is as before", error),
  });
  const renew = useMutation({
    mutationFn: ({ id }: Webhook) =>
      answer(api.PATCH("/api/v1/webhooks/{id}", { params: { path: { id } }, body: { new_secret: true } })),
    onSuccess: async (webhook) => {
      close();
      setSaved(webhook);
      await refresh();
    },
  });
  const remove = useMutation({
    mutationFn: ({ id }: Webhook) =>
      answer(api.DELETE("/api/v1/webhooks/{id}", { params: { path: { id } } })),
    onSuccess: async (_, { name }) => {
      close();
      toastDone(`${name} is deleted`);
      await refresh();
    },
  });
  const test = useMutation({
    mutationFn: ({ id }: Webhook) =>
      answer(api.POST("/api/v1/webhooks/{id}/test", { params: { path: { id } } })),
    onSuccess: async ({ id }) => {
      onSent(id);
      await client.invalidateQueries({ queryKey: deliveryKey });
    },
    onError: (error) => toastProblem("No test is sent", error),
  });

  const ask = (what: "edit" | "secret" | "remove", webhook: Webhook) => {
    renew.reset();
    remove.reset();
    setAsked({ what, webhook });
  };
  const actions = (webhook: Webhook): (Action | "divider")[] => [
    {
      label: "Send a test",
      icon: IconSend,
      reason: webhookTestReason(webhook, missing),
      onSelect: () => test.mutate(webhook),
    },
    { label: "Edit", icon: IconPencil, reason: settings, onSelect: () => ask("edit", webhook) },
    {
      label: webhook.active ? "Switch off" : "Switch on",
      icon: IconPower,
      reason: settings,
      onSelect: () => activate.mutate(webhook),
    },
    { label: "New secret", icon: IconKey, reason: settings, onSelect: () => ask("secret", webhook) },
    "divider",
    {
      label: "Delete",
      icon: IconTrash,
      danger: true,
      reason: settings,
      onSelect: () => ask("remove", webhook),
    },
  ];
  const add = (
    <ActionButton
      label="Add webhook"
      icon={IconPlus}
      variant="filled"
      reason={settings}
      onClick={() => setAsked({ what: "add" })}
    />
  );
  return (
    <div className={classes.tab}>
      <div className={classes.buttons}>{add}</div>
      <Toolbar {...toolbar} filters={NO_FILTERS} searchLabel="Search by name" />
      <DataTable
        label="Webhooks"
        columns={webhookColumns}
        layout={table.layout}
        rows={list.rows}
        rowId={(webhook) => String(webhook.id)}
        status={list.status}
        sort={search.sort ?? "name"}
        onSort={(sort) => table.set({ sort })}
        group={search.group}
        actions={(webhook) => <ActionMenu label={`Actions for ${webhook.name}`} actions={actions(webhook)} />}
        empty={
          narrowed ? (
            <EmptyState
              icon={IconWebhook}
              title="No webhook matches"
              action={
                <Button variant="default" onClick={widen}>
                  Clear the search
                </Button>
              }
            />
          ) : (
            <EmptyState icon={IconWebhook} title="There are no webhooks yet">
              A webhook is an address of another program, which gets a signed request whenever something that
              it asked for happens. Steps of workflows can send to it by its name, too.
            </EmptyState>
          )
        }
      />
      <SignatureHelp />
      {asked?.what === "add" && <WebhookDialog onSaved={setSaved} onClose={close} />}
      {asked?.what === "edit" && <WebhookDialog webhook={asked.webhook} onSaved={setSaved} onClose={close} />}
      {asked?.what === "secret" && (
        <ConfirmDialog
          opened
          title={`New secret for ${asked.webhook.name}`}
          confirmLabel="Draw a new secret"
          danger
          pending={renew.isPending}
          error={renew.error}
          onConfirm={() => renew.mutate(asked.webhook)}
          onClose={close}
        >
          The old secret is forgotten at once: until the receiver has the new one, it cannot tell that
          messages come from here.
        </ConfirmDialog>
      )}
      {asked?.what === "remove" && (
        <ConfirmDialog
          opened
          title={`Delete ${asked.webhook.name}`}
          confirmLabel="Delete"
          danger
          pending={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate(asked.webhook)}
          onClose={close}
        >
          It is told nothing any more, and what was on its way to it is given up. Steps of workflows that name
          it fail.
        </ConfirmDialog>
      )}
      {saved?.secret && <SecretDialog saved={saved} onClose={() => setSaved(undefined)} />}
    </div>
  );
}

const NO_FILTERS: [] = [];
