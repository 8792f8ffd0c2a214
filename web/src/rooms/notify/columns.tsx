import { Link } from "@tanstack/react-router";
import type { Delivery, Webhook } from "~/api/types";
import { actorName } from "~/rooms/jobs/words";
import { Pill } from "~/ui/Pill";
import { plainText } from "~/ui/plainText";
import { RelativeTime } from "~/ui/RelativeTime";
import type { Column } from "~/ui/table/DataTable";
import type { FilterField } from "~/ui/table/FilterBar";
import classes from "./notify.module.css";
import {
  CHANNEL,
  ChannelText,
  DELIVERY_STATE,
  DeliveryStatePill,
  deliveryWords,
  NextTry,
  TOPIC,
  topicsWords,
  topicWords,
} from "./words";

const NONE = <span className="dim">–</span>;

export function deliveryColumns(open: (delivery: Delivery) => void): Column<Delivery>[] {
  return [
    {
      id: "title",
      label: "Message",
      fixed: true,
      minWidth: "14rem",
      text: (delivery) => delivery.title,
      cell: (delivery) => (
        <button type="button" className={classes.open} onClick={() => open(delivery)}>
          {plainText(delivery.title)}
        </button>
      ),
    },
    {
      id: "state",
      label: "State",
      groupable: true,
      text: (delivery) => deliveryWords(delivery).label,
      cell: (delivery) => (
        <span className={classes.state}>
          <DeliveryStatePill delivery={delivery} />
          <NextTry delivery={delivery} />
        </span>
      ),
    },
    {
      id: "channel",
      label: "By",
      groupable: true,
      text: (delivery) => CHANNEL[delivery.channel].label,
      cell: (delivery) => <ChannelText channel={delivery.channel} />,
    },
    {
      id: "recipient",
      label: "To",
      groupable: true,
      text: (delivery) => delivery.recipient,
      cell: (delivery) => plainText(delivery.recipient),
    },
    {
      id: "topic",
      label: "About",
      groupable: true,
      text: (delivery) => topicWords(delivery.topic),
      cell: (delivery) => topicWords(delivery.topic),
    },
    {
      id: "attempts",
      label: "Tries",
      align: "end",
      text: (delivery) => String(delivery.attempts),
      cell: (delivery) => delivery.attempts,
    },
    {
      id: "next",
      label: "Next try",
      hidden: true,
      text: (delivery) => delivery.next_at ?? "",
      cell: (delivery) => <RelativeTime at={delivery.next_at} empty="–" />,
    },
    {
      id: "error",
      label: "Error",
      minWidth: "10rem",
      text: (delivery) => delivery.error ?? "",
      cell: (delivery) =>
        delivery.error ? (
          <span className={classes.error} title={plainText(delivery.error)}>
            {plainText(delivery.error)}
          </span>
        ) : (
          NONE
        ),
    },
    {
      id: "instance",
      label: "Instance",
      align: "end",
      text: (delivery) => String(delivery.instance_id ?? ""),
      cell: (delivery) =>
        delivery.instance_id ? (
          <Link
            to="/instances/$instanceId"
            params={{ instanceId: String(delivery.instance_id) }}
            className="link"
            aria-label={`Instance ${delivery.instance_id}`}
          >
            {delivery.instance_id}
          </Link>
        ) : (
          NONE
        ),
    },
    {
      id: "created",
      label: "Written",
      text: (delivery) => delivery.created_at,
      cell: (delivery) => <RelativeTime at={delivery.created_at} />,
    },
    {
      id: "ended",
      label: "Ended",
      hidden: true,
      text: (delivery) => delivery.ended_at ?? "",
      cell: (delivery) => <RelativeTime at={delivery.ended_at} empty="–" />,
    },
  ];
}

const options = (words: Record<string, { label: string }>) =>
  Object.entries(words).map(([value, { label }]) => ({ value, label }));

export const deliveryFilters: FilterField[] = [
  { id: "state", label: "State", options: options(DELIVERY_STATE) },
  { id: "channel", label: "By", options: options(CHANNEL) },
  { id: "topic", label: "About", options: options(TOPIC) },
  { id: "instance", label: "Instance", placeholder: "number of the instance" },
];

export const webhookColumns: Column<Webhook>[] = [
  {
    id: "name",
    label: "Name",
    fixed: true,
    sort: "name",
    text: (webhook) => webhook.name,
    cell: (webhook) => <strong>{plainText(webhook.name)}</strong>,
  },
  {
    id: "active",
    label: "Active",
    groupable: true,
    text: (webhook) => (webhook.active ? "yes" : "no"),
    cell: (webhook) => (webhook.active ? <Pill tone="good">Active</Pill> : <Pill tone="wait">Off</Pill>),
  },
  {
    id: "url",
    label: "Address",
    minWidth: "12rem",
    text: (webhook) => webhook.url ?? "",
    cell: (webhook) =>
      webhook.url ? (
        <code className={classes.url}>{plainText(webhook.url)}</code>
      ) : (
        <span className="dim">shown with settings.manage</span>
      ),
  },
  {
    id: "topics",
    label: "Is told of",
    minWidth: "12rem",
    text: (webhook) => topicsWords(webhook.topics),
    cell: (webhook) => topicsWords(webhook.topics),
  },
  {
    id: "updated",
    label: "Changed",
    text: (webhook) => webhook.updated_at,
    cell: (webhook) => <RelativeTime at={webhook.updated_at} />,
  },
  {
    id: "updated_by",
    label: "Changed by",
    groupable: true,
    text: (webhook) => actorName(webhook.updated_by),
    cell: (webhook) => actorName(webhook.updated_by),
  },
  {
    id: "created",
    label: "Made",
    hidden: true,
    text: (webhook) => webhook.created_at,
    cell: (webhook) => <RelativeTime at={webhook.created_at} />,
  },
];
