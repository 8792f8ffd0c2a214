/** The fields of each type of step, as the form shows them. What needs more than one input has a part of its own. */
import type { StepType } from "../words";
import type { TextKind } from "./completion";

interface FieldOf<Input extends string> {
  input: Input;
  name: string;
  label: string;
  help?: string;
  placeholder?: string;
  required?: boolean;
}

export type Field =
  | (FieldOf<"text"> & { lines?: number; mono?: boolean; variables?: TextKind })
  | (FieldOf<"number"> & { least?: number; most?: number })
  | FieldOf<"switch">
  | (FieldOf<"choice"> & { options: { value: string; label: string }[]; usual?: string })
  | (FieldOf<"tags"> & { numbers?: boolean })
  | (FieldOf<"pairs"> & { key: string; add: string })
  | FieldOf<"json">
  | (FieldOf<"part"> & { part: Part });

/** Those that a component of their own shows. */
export type Part =
  | "command"
  | "script"
  | "action"
  | "workflow"
  | "approvers"
  | "branches"
  | "hosts"
  | "retries"
  | "continue_on";

const part = (of: Part, label: string, name: string = of): Field => ({
  input: "part",
  part: of,
  name,
  label,
});

const ON_HOSTS: Field[] = [
  part("hosts", "Hosts"),
  { input: "number", name: "timeout_seconds", label: "Timeout of each job (s)", least: 1 },
  part("retries", "Retries"),
  { input: "text", name: "run_as_user", label: "Run as user", mono: true, placeholder: "the agent's own" },
  part("continue_on", "Succeeds when"),
];

const TITLE: Field = {
  input: "text",
  name: "title",
  label: "Title",
  required: true,
  variables: "placeholders",
};

export const FORMS: Record<StepType, Field[]> = {
  script: [part("script", "Script"), ...ON_HOSTS],
  command: [
    part("command", "Command"),
    { input: "pairs", name: "environment", label: "Environment", key: "Variable", add: "Add a variable" },
    { input: "text", name: "working_directory", label: "Working directory", mono: true },
    ...ON_HOSTS,
  ],
  http_request: [
    {
      input: "choice",
      name: "method",
      label: "Method",
      usual: "GET",
      options: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].map((value) => ({
        value,
        label: value,
      })),
    },
    {
      input: "text",
      name: "url",
      label: "Address",
      required: true,
      mono: true,
      variables: "placeholders",
      placeholder: "https://",
      help: "Placeholders stand behind the host's name only.",
    },
    { input: "pairs", name: "headers", label: "Headers", key: "Header", add: "Add a header" },
    { input: "json", name: "json", label: "Body as JSON", help: "Its texts may hold placeholders." },
    {
      input: "text",
      name: "body",
      label: "Body as text",
      lines: 2,
      mono: true,
      variables: "placeholders",
      help: "In place of JSON: no placeholders, or one and nothing else.",
    },
    {
      input: "tags",
      name: "expected_status",
      label: "Expected status",
      numbers: true,
      placeholder: "200–299",
    },
    { input: "number", name: "max_redirects", label: "Redirects at most", least: 0 },
    { input: "switch", name: "allow_invalid_certificate", label: "Accept any certificate" },
    { input: "text", name: "extra_ca", label: "Own CA (PEM)", lines: 2, mono: true },
    ...ON_HOSTS,
  ],
  action: [
    part("action", "Action"),
    {
      input: "number",
      name: "timeout_seconds",
      label: "Timeout of each job (s)",
      least: 1,
      placeholder: "the action's own",
    },
    part("retries", "Retries"),
    part("continue_on", "Succeeds when"),
  ],
  approval: [
    TITLE,
    {
      input: "text",
      name: "description",
      label: "Description",
      lines: 3,
      variables: "placeholders",
      help: "What to look at before answering.",
    },
    {
      input: "choice",
      name: "approval_type",
      label: "Who has to approve",
      required: true,
      options: [
        { value: "one_of_many", label: "One of those who are asked" },
        { value: "two_of_many", label: "Two of those who are asked" },
        { value: "majority", label: "More than half of those who are asked" },
        { value: "all", label: "All who are asked" },
        { value: "singular", label: "One named user" },
      ],
    },
    part("approvers", "Who is asked"),
    {
      input: "number",
      name: "timeout_minutes",
      label: "Rejected without an answer after (min)",
      least: 1,
      placeholder: "1440",
    },
    {
      input: "number",
      name: "reminder_minutes",
      label: "Remind every (min)",
      least: 1,
      placeholder: "never",
    },
    { input: "switch", name: "allow_self_approval", label: "Whoever started it may answer too" },
  ],
  conditional: [
    {
      input: "text",
      name: "condition",
      label: "Condition",
      required: true,
      lines: 2,
      mono: true,
      variables: "condition",
      placeholder: "step_look.exit_code == 0",
      help: "== != < <= > >= contains in matches, joined by && || ! and ( ).",
    },
  ],
  delay: [
    { input: "number", name: "hours", label: "Hours", least: 0 },
    { input: "number", name: "minutes", label: "Minutes", least: 0 },
    { input: "number", name: "seconds", label: "Seconds", least: 0 },
  ],
  notify: [
    TITLE,
    { input: "tags", name: "to", label: "To", required: true, placeholder: "email:ops@example.com" },
    { input: "text", name: "message", label: "Message", lines: 3, variables: "placeholders" },
  ],
  parallel: [
    part("branches", "Branches"),
    {
      input: "choice",
      name: "on_branch_failure",
      label: "When a branch fails",
      usual: "wait",
      options: [
        { value: "wait", label: "The others go on" },
        { value: "cancel", label: "The others are cancelled" },
      ],
    },
    {
      input: "number",
      name: "timeout_seconds",
      label: "Timeout of all branches (s)",
      least: 1,
      placeholder: "none",
      help: "What they still do is cancelled then, and the step fails.",
    },
  ],
  workflow: [
    part("workflow", "Workflow"),
    part("hosts", "Hosts"),
    {
      input: "number",
      name: "timeout_seconds",
      label: "Timeout of each try (s)",
      least: 1,
      placeholder: "none",
      help: "The instance that it started is cancelled then.",
    },
    part("retries", "Retries"),
  ],
};

const ALWAYS = ["id", "name", "type", "on_success", "on_failure"];
const OF_PART: Partial<Record<Part, string[]>> = {
  command: ["command", "argv", "shell"],
  script: ["script", "script_id", "version", "parameters"],
  action: ["action", "action_id", "parameters"],
  workflow: ["workflow", "workflow_id", "inputs"],
};

/** What the form of a step has an input for. */
export function shownFields(type: StepType | undefined): string[] {
  const own = (type ? FORMS[type] : []).flatMap((field) =>
    field.input === "part" ? (OF_PART[field.part] ?? [field.name]) : [field.name],
  );
  return [...ALWAYS, ...(type === "conditional" ? ["on_true", "on_false"] : []), ...own];
}

/** What a step says that no input of its form shows. */
export function unshown(type: StepType | undefined, fields: Record<string, unknown>): string[] {
  const known = new Set([...shownFields(type), "position"]);
  return Object.keys(fields).filter((name) => !known.has(name));
}
