import { Link } from "@tanstack/react-router";
import type { Agent } from "~/api/types";
import { dateOnly, dateTime, daysLeft } from "~/ui/format";
import { RelativeTime } from "~/ui/RelativeTime";
import type { Column } from "~/ui/table/DataTable";
import type { FilterField } from "~/ui/table/FilterBar";
import {
  CONNECTION,
  ConnectionText,
  CREDENTIAL,
  CredentialEnd,
  HEALTH,
  HealthPill,
  Labels,
  labelText,
} from "./words";

const or = (text: string | null | undefined) => text || <span className="dim">–</span>;

export const agentColumns: Column<Agent>[] = [
  {
    id: "name",
    label: "Name",
    fixed: true,
    sort: "name",
    minWidth: "9rem",
    text: (agent) => agent.name,
    cell: (agent) => (
      <Link to="/agents/$agentId" params={{ agentId: String(agent.id) }} className="link-strong">
        {agent.name}
      </Link>
    ),
  },
  {
    id: "organization",
    label: "Organization",
    groupable: true,
    text: (agent) => agent.organization,
    cell: (agent) => agent.organization,
  },
  {
    id: "department",
    label: "Department",
    groupable: true,
    text: (agent) => agent.department ?? "",
    cell: (agent) => or(agent.department),
  },
  {
    id: "active",
    label: "Active",
    groupable: true,
    text: (agent) => (agent.active ? "yes" : "no"),
    cell: (agent) => (agent.active ? "Yes" : <strong>No</strong>),
  },
  {
    id: "health",
    label: "Health",
    groupable: true,
    text: (agent) => HEALTH[agent.health].label,
    cell: (agent) => <HealthPill health={agent.health} />,
  },
  {
    id: "connection",
    label: "Connection",
    groupable: true,
    text: (agent) => CONNECTION[agent.connection].label,
    cell: (agent) => <ConnectionText connection={agent.connection} />,
  },
  {
    id: "version",
    label: "Version",
    groupable: true,
    text: (agent) => agent.version ?? "",
    cell: (agent) => or(agent.version),
  },
  {
    id: "expiration",
    label: "Token expiration",
    minWidth: "12rem",
    text: (agent) =>
      agent.credential_expires_at
        ? `${dateOnly(agent.credential_expires_at)} (${daysLeft(agent.credential_expires_at, Date.now())} days left)`
        : "",
    cell: (agent) => <CredentialEnd agent={agent} />,
  },
  {
    id: "created",
    label: "Created",
    sort: "created_at",
    text: (agent) => agent.created_at,
    cell: (agent) => (
      <time dateTime={agent.created_at} title={dateTime(agent.created_at)}>
        {dateOnly(agent.created_at)}
      </time>
    ),
  },
  {
    id: "last_seen",
    label: "Last seen",
    sort: "last_seen_at",
    minWidth: "6.5rem",
    text: (agent) => agent.last_seen_at ?? "",
    cell: (agent) => <RelativeTime at={agent.last_seen_at} />,
  },
  {
    id: "os",
    label: "OS",
    groupable: true,
    text: (agent) => agent.os ?? "",
    cell: (agent) => or(agent.os),
  },
  {
    id: "labels",
    label: "Labels",
    groupable: true,
    text: (agent) =>
      Object.entries(agent.labels)
        .map(([key, value]) => labelText(key, value))
        .join(" "),
    cell: (agent) => <Labels labels={agent.labels} />,
  },
  {
    id: "credential",
    label: "Credential",
    hidden: true,
    groupable: true,
    text: (agent) => CREDENTIAL[agent.credential].label,
    cell: (agent) => CREDENTIAL[agent.credential].label,
  },
  {
    id: "hostname",
    label: "Host name",
    hidden: true,
    text: (agent) => agent.hostname ?? "",
    cell: (agent) => or(agent.hostname),
  },
  {
    id: "arch",
    label: "Architecture",
    hidden: true,
    groupable: true,
    text: (agent) => agent.arch ?? "",
    cell: (agent) => or(agent.arch),
  },
  {
    id: "slots",
    label: "Slots",
    hidden: true,
    align: "end",
    text: (agent) => String(agent.slots),
    cell: (agent) => agent.slots,
  },
];

const options = (words: Record<string, { label: string }>) =>
  Object.entries(words).map(([value, { label }]) => ({ value, label }));

/** What the server can filter by; values of free texts are offered from the rows that are there. */
export function agentFilters(
  agents: Agent[],
  organizations: { name: string; departments: { name: string }[] }[],
): FilterField[] {
  const seen = (values: (string | null | undefined)[]) =>
    [...new Set(values.filter((value): value is string => Boolean(value)))].sort();
  const named = (names: string[]) => names.map((name) => ({ value: name, label: name }));
  return [
    { id: "health", label: "Health", options: options(HEALTH) },
    { id: "connection", label: "Connection", options: options(CONNECTION) },
    { id: "credential", label: "Credential", options: options(CREDENTIAL) },
    {
      id: "active",
      label: "Active",
      single: true,
      options: [
        { value: "true", label: "Yes" },
        { value: "false", label: "No" },
      ],
    },
    { id: "organization", label: "Organization", options: named(organizations.map((one) => one.name)) },
    {
      id: "department",
      label: "Department",
      options: named(
        seen(organizations.flatMap((one) => one.departments.map((department) => department.name))),
      ),
    },
    {
      id: "version",
      label: "Version",
      suggestions: seen(agents.map((agent) => agent.version)),
      placeholder: "0.1.0",
    },
    { id: "os", label: "OS", suggestions: seen(agents.map((agent) => agent.os)), placeholder: "linux" },
    {
      id: "label",
      label: "Label",
      suggestions: seen(
        agents.flatMap((agent) => Object.entries(agent.labels).map(([key, value]) => `${key}=${value}`)),
      ),
      placeholder: "env=prod",
    },
  ];
}
