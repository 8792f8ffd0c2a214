/** How messages, their receivers and what they are about are said. */
import { IconClock, IconMail, IconMailX, IconWebhook, type TablerIcon } from "@tabler/icons-react";
import type { Channel, Delivery, DeliveryState, Topic } from "~/api/types";
import { Pill, type Tone } from "~/ui/Pill";
import { RelativeTime } from "~/ui/RelativeTime";
import classes from "./notify.module.css";

export const TOPIC: Record<Topic, { label: string; help: string }> = {
  approval_opened: { label: "Approval asked", help: "Somebody is asked for an approval." },
  approval_reminder: { label: "Approval reminder", help: "An approval still waits for an answer." },
  approval_ended: {
    label: "Approval ended",
    help: "An approval was decided, withdrawn, or nobody answered.",
  },
  instance_ended: {
    label: "Workflow ended",
    help: "A run of a workflow completed, failed or was cancelled.",
  },
  step_notify: { label: "Message of a step", help: "A step of a workflow says something." },
  test: { label: "Test", help: "Somebody tries whether messages arrive." },
};

/** Those that a webhook can ask for; the others go to those they are for. */
export const SUBSCRIBABLE: Topic[] = [
  "approval_opened",
  "approval_reminder",
  "approval_ended",
  "instance_ended",
];

/** A newer server may have topics that are not known here. */
export const topicWords = (topic: Topic): string =>
  Object.hasOwn(TOPIC, topic) ? TOPIC[topic].label : String(topic).replaceAll("_", " ");

export const topicsWords = (topics: readonly Topic[]): string =>
  topics.length === 0 ? "only what steps send" : topics.map(topicWords).join(", ");

export const CHANNEL: Record<Channel, { label: string; icon: TablerIcon }> = {
  email: { label: "E-mail", icon: IconMail },
  webhook: { label: "Webhook", icon: IconWebhook },
};

export function ChannelText({ channel }: { channel: Channel }) {
  const { label, icon: Icon } = CHANNEL[channel];
  return (
    <span className={classes.channel}>
      <Icon size={15} stroke={1.5} aria-hidden />
      {label}
    </span>
  );
}

interface DeliveryWords {
  label: string;
  tone: Tone;
  icon?: TablerIcon;
  help: string;
}

export const DELIVERY_STATE: Record<DeliveryState, DeliveryWords> = {
  waiting: {
    label: "On its way",
    tone: "busy",
    icon: IconClock,
    help: "It is sent, or sent again, by itself",
  },
  delivered: { label: "Delivered", tone: "good", help: "The receiver took it" },
  dead: { label: "Not delivered", tone: "bad", icon: IconMailX, help: "Given up after the last try" },
};

const FAILING: DeliveryWords = {
  label: "Failing",
  tone: "warn",
  help: "The last try failed; it is sent again by itself",
};

type Tried = Pick<Delivery, "state" | "attempts" | "error">;

/** One that waits after a try that failed is not simply on its way, until somebody has it sent again from the first try on. */
export const deliveryWords = ({ state, attempts, error }: Tried): DeliveryWords =>
  state === "waiting" && attempts > 0 && error ? FAILING : DELIVERY_STATE[state];

export function DeliveryStatePill({ delivery }: { delivery: Tried }) {
  const { label, tone, icon, help } = deliveryWords(delivery);
  return (
    <Pill tone={tone} icon={icon} title={help}>
      {label}
    </Pill>
  );
}

/** Beside the state, where it fails: when it is tried next. */
export function NextTry({ delivery }: { delivery: Tried & Pick<Delivery, "next_at"> }) {
  return deliveryWords(delivery) === FAILING && delivery.next_at ? (
    <span className="dim">
      next try <RelativeTime at={delivery.next_at} />
    </span>
  ) : null;
}
