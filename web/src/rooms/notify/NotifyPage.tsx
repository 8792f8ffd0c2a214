import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useMissing } from "~/app/session";
import { Page, Panel } from "~/ui/Page";
import { Pill } from "~/ui/Pill";
import { EmptyState } from "~/ui/states";
import { COUNTED, deadOptions } from "./api";
import { DeliveryDrawer } from "./DeliveryDrawer";
import { MailTab } from "./MailTab";
import { MessagesTab } from "./MessagesTab";
import classes from "./notify.module.css";
import { WebhooksTab } from "./WebhooksTab";

const route = getRouteApi("/app/notifications");

const TABS = ["messages", "webhooks", "mail"] as const;

/** Messages to people and programs: what became of them, and where they go. */
export function NotifyPage() {
  const { tab, message } = route.useSearch();
  const navigate = route.useNavigate();
  const reason = useMissing()("workflows.view");
  const { data: dead = 0 } = useQuery({ ...deadOptions, enabled: reason === undefined });
  const current = TABS.find((one) => one === tab) ?? "messages";
  const show = (id: number | undefined) =>
    void navigate({
      search: (before) => ({ ...before, message: id === undefined ? undefined : String(id) }),
      replace: true,
    });
  const panel = (name: (typeof TABS)[number], content: () => ReactNode) => (
    <Tabs.Panel value={name}>{current === name && content()}</Tabs.Panel>
  );
  return (
    <Page
      title="Notifications"
      aside={dead > 0 && <Pill tone="bad">{dead > COUNTED ? `${COUNTED}+` : dead} not delivered</Pill>}
    >
      {reason ? (
        <Panel>
          <EmptyState title="Not shown">{reason}</EmptyState>
        </Panel>
      ) : (
        <>
          <Tabs
            value={current}
            onChange={(next) => void navigate({ search: { tab: next ?? undefined }, replace: true })}
          >
            <Tabs.List>
              <Tabs.Tab value="messages">Messages</Tabs.Tab>
              <Tabs.Tab value="webhooks">Webhooks</Tabs.Tab>
              <Tabs.Tab value="mail">E-mail</Tabs.Tab>
            </Tabs.List>
            {panel("messages", () => (
              <MessagesTab dead={dead} onShow={show} />
            ))}
            {panel("webhooks", () => (
              <WebhooksTab onSent={show} />
            ))}
            {panel("mail", () => (
              <div className={`${classes.tab} ${classes.narrow}`}>
                <MailTab onSent={show} />
              </div>
            ))}
          </Tabs>
          <DeliveryDrawer id={Number(message) || undefined} onClose={() => show(undefined)} />
        </>
      )}
    </Page>
  );
}
