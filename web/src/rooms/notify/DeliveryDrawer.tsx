import { Drawer } from "@mantine/core";
import { IconMailForward } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { DeliveryDetail } from "~/api/types";
import { ActionButton } from "~/ui/ActionButton";
import { dateTime } from "~/ui/format";
import { Facts } from "~/ui/Page";
import { plainText } from "~/ui/plainText";
import { RelativeTime } from "~/ui/RelativeTime";
import { ErrorState, LoadingLines } from "~/ui/states";
import { deliveryOptions } from "./api";
import classes from "./notify.module.css";
import { useResend } from "./useResend";
import { ChannelText, DeliveryStatePill, topicWords } from "./words";

interface DeliveryDrawerProps {
  id: number | undefined;
  onClose: () => void;
}

/** One message: what it says, to whom, and how often it was tried. */
export function DeliveryDrawer({ id, onClose }: DeliveryDrawerProps) {
  return (
    <Drawer
      opened={id !== undefined}
      onClose={onClose}
      position="right"
      size="lg"
      title={id === undefined ? "" : `Message ${id}`}
    >
      {id !== undefined && <Delivery id={id} />}
    </Drawer>
  );
}

function Delivery({ id }: { id: number }) {
  const { data: delivery, error, refetch } = useQuery(deliveryOptions(id));
  const resend = useResend();
  if (!delivery) {
    return error ? <ErrorState error={error} onRetry={() => void refetch()} /> : <LoadingLines />;
  }
  return (
    <div className={classes.detail}>
      <Facts facts={factsOf(delivery)} />
      {delivery.error && <p className={classes.problem}>{plainText(delivery.error)}</p>}
      <div className={classes.buttons}>
        <ActionButton
          label="Send again"
          icon={IconMailForward}
          reason={resend.reason(delivery)}
          loading={resend.pending}
          onClick={() => resend.send(delivery)}
        />
      </div>
      <Said delivery={delivery} />
    </div>
  );
}

function factsOf(delivery: DeliveryDetail): [string, ReactNode][] {
  return [
    ["State", <DeliveryStatePill key="state" delivery={delivery} />],
    ["By", <ChannelText key="channel" channel={delivery.channel} />],
    ["To", plainText(delivery.recipient)],
    ["About", topicWords(delivery.topic)],
    ["Tries", delivery.attempts],
    delivery.ended_at
      ? [
          delivery.state === "delivered" ? "Delivered" : "Given up",
          <RelativeTime key="ended" at={delivery.ended_at} />,
        ]
      : ["Next try", <RelativeTime key="next" at={delivery.next_at} empty="–" />],
    ["Written", <RelativeTime key="created" at={delivery.created_at} />],
  ];
}

/** What the receiver reads. All of it may come from elsewhere, and is text. */
function Said({ delivery: { message } }: { delivery: DeliveryDetail }) {
  const { data } = message;
  return (
    <section className={classes.message} aria-label="What it says">
      <h3 className={classes.title}>{plainText(data.title)}</h3>
      {data.message && <p className={classes.text}>{plainText(data.message)}</p>}
      <Facts facts={contentOf(message)} />
    </section>
  );
}

function contentOf({ timestamp, data }: DeliveryDetail["message"]): [string, ReactNode][] {
  const facts: [string, ReactNode][] = [];
  if (data.workflow) {
    facts.push(["Workflow", plainText(data.workflow)]);
  }
  if (data.instance_id) {
    facts.push([
      "Run of it",
      <Link
        key="instance"
        to="/instances/$instanceId"
        params={{ instanceId: String(data.instance_id) }}
        className="link"
      >
        Instance {data.instance_id}
      </Link>,
    ]);
  }
  if (data.approval_id) {
    facts.push([
      "Approval",
      <Link
        key="approval"
        to="/approvals/$approvalId"
        params={{ approvalId: String(data.approval_id) }}
        className="link"
      >
        Approval {data.approval_id}
      </Link>,
    ]);
  }
  if (data.state) {
    facts.push(["Ended as", plainText(data.state)]);
  }
  if (data.reason) {
    facts.push(["Reason", plainText(data.reason)]);
  }
  if (data.deadline) {
    facts.push(["Answer by", dateTime(data.deadline)]);
  }
  facts.push(["Link in it", <span key="url">{plainText(data.url)}</span>], ["Happened", dateTime(timestamp)]);
  return facts;
}
