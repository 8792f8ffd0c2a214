/** What can be done with messages and webhooks now, and if not, why: the same rules the server applies. */
import type { Delivery, Mail, Permission, Topic, Webhook, WebhookUpdate } from "~/api/types";

type Missing = (permission: Permission) => string | undefined;

export function resendReason({ state }: Pick<Delivery, "state">, missing: Missing): string | undefined {
  return missing("workflows.manage") ?? (state === "delivered" ? "It has arrived already" : undefined);
}

export function webhookTestReason({ active }: Pick<Webhook, "active">, missing: Missing): string | undefined {
  return missing("settings.manage") ?? (active ? undefined : "It is switched off");
}

export function mailTestReason(mail: Mail | undefined, missing: Missing): string | undefined {
  return (
    missing("settings.manage") ??
    (mail === undefined
      ? "It is not known yet whether e-mail is configured"
      : mail.configured
        ? undefined
        : "E-mail is not configured on the server")
  );
}

export interface WebhookDraft {
  name: string;
  url: string;
  topics: Topic[];
  active: boolean;
}

/** Only what was changed, so that two people editing different things do not undo each other. */
export function webhookChanges(webhook: Webhook, draft: WebhookDraft): WebhookUpdate {
  const name = draft.name.trim();
  const url = draft.url.trim();
  const sorted = (topics: readonly Topic[]) => [...topics].sort().join();
  return {
    ...(name === webhook.name ? {} : { name }),
    ...(url === (webhook.url ?? "") ? {} : { url }),
    ...(sorted(draft.topics) === sorted(webhook.topics) ? {} : { topics: draft.topics }),
    ...(draft.active === webhook.active ? {} : { active: draft.active }),
  };
}
