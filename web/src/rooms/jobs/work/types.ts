/** The job types whose forms are lists of fields. */
import type {
  GroupControl,
  HttpRequest,
  JobType,
  ProcessControl,
  ServiceControl,
  SoftwareInstall,
  UserControl,
} from "~/api/types";
import { type Field, type ListItem, listOf, numbers, textOf, type Values } from "./fields";
import { choices, fields, is } from "./list";
import { NETWORK } from "./network";

const SERVICE = fields<ServiceControl>([
  {
    name: "action",
    label: "Action",
    input: "choice",
    initial: "status",
    options: choices({
      status: "Show its state",
      start: "Start",
      stop: "Stop",
      restart: "Restart",
      reload: "Reload its configuration",
      enable: "Enable at boot",
      disable: "Disable at boot",
    }),
  },
  {
    name: "service",
    label: "Service",
    input: "text",
    required: true,
    mono: true,
    placeholder: "nginx",
    help: "As systemd or the init system of the host calls it.",
  },
]);

const PROCESS = fields<ProcessControl>([
  {
    name: "action",
    label: "Action",
    input: "choice",
    options: choices({ list: "List", kill: "Ask to end (SIGTERM)", force_kill: "Kill (SIGKILL)" }),
  },
  {
    name: "pid",
    label: "Process id",
    input: "number",
    least: 1,
    most: 2_147_483_647,
    help: "One process; or give its name.",
  },
  {
    name: "name",
    label: "Name",
    input: "text",
    mono: true,
    placeholder: "worker",
    help: "The exact name, as ps -o comm shows it.",
  },
  { name: "user", label: "User", input: "text", mono: true, help: "Only processes of this user." },
]);

/** `name` or `name=version`. */
const PACKAGE: ListItem = {
  to: (text) => {
    const [name = "", ...version] = text.split("=");
    return version.length > 0 ? { name, version: version.join("=") } : { name };
  },
  from: (item) => {
    const { name, version } = item as { name: string; version?: string | null };
    return version ? `${name}=${version}` : name;
  },
};

const SOFTWARE = fields<SoftwareInstall>([
  {
    name: "action",
    label: "Action",
    input: "choice",
    options: choices({
      install: "Install",
      upgrade: "Upgrade",
      remove: "Remove",
      list: "List what is installed",
    }),
  },
  {
    name: "packages",
    label: "Packages",
    input: "list",
    item: PACKAGE,
    placeholder: "nginx or nginx=1.26.0-1",
    help: "Enter adds one. With =VERSION exactly that one. For upgrade and list, none means all.",
  },
  {
    name: "manager",
    label: "Package manager",
    input: "choice",
    initial: "",
    options: [
      { value: "", label: "The one that is there" },
      ...["apt", "dnf", "zypper", "apk", "winget", "choco"].map((value) => ({ value, label: value })),
    ],
  },
  {
    name: "refresh",
    label: "Fetch the package lists first",
    input: "switch",
    // The server takes it for the others, too: what somebody asked for stays to be seen.
    when: (values) => is("action", "install", "upgrade")(values) || values["refresh"] === true,
  },
]);

const creating = is("action", "create");
const USER = fields<UserControl & { password: string }>([
  {
    name: "action",
    label: "Action",
    input: "choice",
    options: choices({
      create: "Create",
      delete: "Delete",
      enable: "Enable",
      disable: "Disable",
      reset_password: "Reset the password",
    }),
  },
  { name: "user", label: "User", input: "text", required: true, mono: true, placeholder: "deploy" },
  { name: "full_name", label: "Full name", input: "text", when: creating },
  {
    name: "home",
    label: "Home folder",
    input: "text",
    mono: true,
    placeholder: "/home/<user>",
    when: creating,
  },
  {
    name: "shell",
    label: "Shell",
    input: "text",
    mono: true,
    placeholder: "the host’s standard",
    when: creating,
  },
  { name: "groups", label: "Further groups", input: "list", help: "Enter adds one.", when: creating },
  {
    name: "system",
    label: "An account for a service: no home folder, a low id",
    input: "switch",
    when: creating,
  },
  { name: "set_password", label: "Give it a password", input: "switch", when: creating },
  {
    name: "password",
    label: "New password",
    input: "secret",
    help: "Left empty, one is drawn and shown once when the jobs are made.",
    when: (values) =>
      (creating(values) && values["set_password"] === true) || is("action", "reset_password")(values),
  },
  {
    name: "remove_home",
    label: "Delete its home folder as well",
    input: "switch",
    when: is("action", "delete"),
  },
  {
    name: "force",
    label: "Even if it is root or the agent’s own user, or gets one of their groups",
    input: "switch",
  },
]);

const GROUP = fields<GroupControl>([
  {
    name: "action",
    label: "Action",
    input: "choice",
    options: choices({
      create: "Create",
      delete: "Delete",
      add_members: "Add members",
      remove_members: "Remove members",
    }),
  },
  { name: "group", label: "Group", input: "text", required: true, mono: true, placeholder: "www-data" },
  {
    name: "members",
    label: "Members",
    input: "list",
    help: "Names of users; Enter adds one.",
    when: (values) => !is("action", "delete")(values),
  },
  { name: "system", label: "A group for a service, with a low id", input: "switch", when: creating },
  {
    name: "force",
    label: "Even if it is a group of root or of the agent’s own user",
    input: "switch",
  },
]);

const HTTP = fields<HttpRequest>([
  {
    name: "method",
    label: "Method",
    input: "choice",
    options: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].map((value) => ({
      value,
      label: value,
    })),
  },
  {
    name: "url",
    label: "URL",
    input: "text",
    required: true,
    mono: true,
    placeholder: "https://intranet.example.org/api/status",
  },
  { name: "headers", label: "Headers", input: "pairs", add: "Add a header", key: "Header", wide: true },
  {
    name: "secret_headers",
    label: "Secret headers",
    input: "secrets",
    add: "Add a secret header",
    key: "Secret header",
    help: "Their values are sealed to the agents and appear nowhere.",
    wide: true,
  },
  {
    name: "body",
    label: "Body",
    input: "area",
    mono: true,
    wide: true,
  },
  {
    name: "expected_status",
    label: "Expected status",
    input: "list",
    item: numbers(100, 599),
    placeholder: "any from 200 to 299",
  },
  {
    name: "max_redirects",
    label: "Redirects to follow",
    input: "number",
    least: 0,
    most: 10,
    placeholder: "0",
  },
  {
    name: "max_answer_bytes",
    label: "Keep of the answer, in bytes",
    input: "number",
    least: 0,
    most: 1_048_576,
    placeholder: "65536",
  },
  {
    name: "extra_ca",
    label: "Further CA certificates (PEM)",
    input: "area",
    mono: true,
    help: "Trusted beside those of the host.",
    wide: true,
  },
  {
    name: "allow_invalid_certificate",
    label: "Do not check the server’s certificate (the result says so)",
    input: "switch",
  },
]);

export type FieldedType = Exclude<JobType, "command" | "script">;

interface Fielded {
  fields: readonly Field[];
  /** What no single field can say. */
  check?: (values: Values) => string | undefined;
}

export const FIELDED: Record<FieldedType, Fielded> = {
  service_control: { fields: SERVICE },
  process_control: {
    fields: PROCESS,
    check: processProblem,
  },
  network_diagnostic: { fields: NETWORK },
  software_install: {
    fields: SOFTWARE,
    check: (values) =>
      is("action", "install", "remove")(values) && listOf(values, "packages").length === 0
        ? "Give at least one package"
        : undefined,
  },
  user_control: { fields: USER },
  group_control: {
    fields: GROUP,
    check: (values) =>
      is("action", "add_members", "remove_members")(values) && listOf(values, "members").length === 0
        ? "Give at least one member"
        : undefined,
  },
  http_request: { fields: HTTP },
};

function processProblem(values: Values): string | undefined {
  if (is("action", "list")(values)) {
    return undefined;
  }
  const pid = textOf(values, "pid").trim();
  if (pid === "1") {
    return "Process 1 is the init process, which is never ended";
  }
  return pid === "" && textOf(values, "name").trim() === ""
    ? "Say which process: give its id or its name"
    : undefined;
}
