/** How the states of an agent are said and coloured, in one place. */
import { Badge, Tooltip } from "@mantine/core";
import { IconLock, IconPlugConnected, IconPlugConnectedX } from "@tabler/icons-react";
import type { Agent, Connection, CredentialState, Health } from "~/api/types";
import { dateOnly, daysLeft } from "~/ui/format";
import { useNow } from "~/ui/now";
import { Pill, type Tone } from "~/ui/Pill";
import classes from "./words.module.css";

export const HEALTH: Record<Health, { label: string; tone: Tone }> = {
  running: { label: "Running", tone: "good" },
  in_progress: { label: "In progress", tone: "busy" },
  heartbeat_failed: { label: "Heartbeat failed", tone: "bad" },
};

export const CONNECTION: Record<Connection, { label: string; tone: Tone }> = {
  connected: { label: "Connected", tone: "good" },
  pending: { label: "Pending", tone: "wait" },
  disconnected: { label: "Disconnected", tone: "bad" },
};

export const CREDENTIAL: Record<CredentialState, { label: string; tone: Tone }> = {
  none: { label: "Not enrolled", tone: "wait" },
  live: { label: "Live", tone: "good" },
  expired: { label: "Expired", tone: "bad" },
  revoked: { label: "Revoked", tone: "bad" },
  locked: { label: "Locked: used twice", tone: "warn" },
};

export function HealthPill({ health, large }: { health: Health; large?: boolean }) {
  const { label, tone } = HEALTH[health];
  return (
    <Pill tone={tone} large={large} spin={health === "in_progress"}>
      {label}
    </Pill>
  );
}

export function ConnectionText({ connection }: { connection: Connection }) {
  const { label, tone } = CONNECTION[connection];
  const Icon = connection === "connected" ? IconPlugConnected : IconPlugConnectedX;
  return (
    <span className={classes.connection} data-tone={tone}>
      <Icon size={15} stroke={1.75} aria-hidden />
      {label}
    </span>
  );
}

const SOON_DAYS = 30;

/** The date a credential ends and the days left; what is unusual about it comes first. */
export function CredentialEnd({ agent }: { agent: Agent }) {
  const now = useNow();
  const { label, tone } = CREDENTIAL[agent.credential];
  if (agent.credential === "none") {
    const waits = agent.enrollment_expires_at && Date.parse(agent.enrollment_expires_at) > now;
    return <span className="dim">{waits ? "waits for enrolment" : "not enrolled"}</span>;
  }
  if (agent.credential !== "live") {
    return (
      <Pill tone={tone} icon={agent.credential === "locked" ? IconLock : undefined}>
        {label}
      </Pill>
    );
  }
  if (!agent.credential_expires_at) {
    return <span className="dim">–</span>;
  }
  const days = daysLeft(agent.credential_expires_at, now);
  return (
    <span className={days < SOON_DAYS ? classes.soon : undefined}>
      {dateOnly(agent.credential_expires_at)}
      <span className={classes.days}>
        {days} {days === 1 ? "day" : "days"} left
      </span>
    </span>
  );
}

const SHOWN_LABELS = 2;

export function Labels({ labels, all }: { labels: Record<string, string>; all?: boolean }) {
  const entries = Object.entries(labels);
  const shown = all ? entries : entries.slice(0, SHOWN_LABELS);
  const rest = entries.slice(shown.length);
  if (entries.length === 0) {
    return <span className="dim">–</span>;
  }
  return (
    <span className={classes.labels} data-all={all || undefined}>
      {shown.map(([key, value]) => (
        <Badge key={key} variant="default" size="sm" radius="sm" className={classes.label}>
          {labelText(key, value)}
        </Badge>
      ))}
      {rest.length > 0 && (
        <Tooltip label={rest.map(([key, value]) => labelText(key, value)).join(", ")}>
          <span className="dim">+{rest.length}</span>
        </Tooltip>
      )}
    </span>
  );
}

export const labelText = (key: string, value: string) => (value === "" ? key : `${key}=${value}`);
