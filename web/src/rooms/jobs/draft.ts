/** The run form's content and the request it becomes. */
import type { JobCreate, JobDetail, JobPayload, Language, Priority } from "~/api/types";
import { fromPairs, type Pair, toPairs } from "~/ui/KeyValueEditor";

export type HostsBy = "hosts" | "labels" | "all";
export type WorkKind = "command" | "shell" | "script";

export interface Argument {
  id: number;
  text: string;
}

export interface Draft {
  by: HostsBy;
  hosts: string[];
  labels: string[];
  kind: WorkKind;
  arguments: Argument[];
  line: string;
  language: Language;
  content: string;
  parameters: Pair[];
  folder: string;
  priority: Priority;
  timeout: number | string;
  /** As a date input writes it: local time without a zone. */
  notBefore: string;
}

export const DEFAULT_TIMEOUT_SECONDS = 300;

let nextArgument = 1;
export const argument = (text: string): Argument => ({ id: nextArgument++, text });

export function emptyDraft(hosts: string[] = []): Draft {
  return {
    by: "hosts",
    hosts,
    labels: [],
    kind: "script",
    arguments: [argument("")],
    line: "",
    language: "bash",
    content: "",
    parameters: [],
    folder: "",
    priority: "normal",
    timeout: DEFAULT_TIMEOUT_SECONDS,
    notBefore: "",
  };
}

/** The same work on the same host once more. */
export function draftFrom(job: JobDetail): Draft {
  const { payload } = job;
  const draft: Draft = {
    ...emptyDraft([job.agent]),
    priority: job.priority,
    timeout: job.timeout_seconds,
    folder: payload.working_directory ?? "",
  };
  if ("argv" in payload) {
    return payload.shell
      ? { ...draft, kind: "shell", line: payload.argv[0] ?? "" }
      : { ...draft, kind: "command", arguments: payload.argv.map(argument) };
  }
  return {
    ...draft,
    kind: "script",
    language: payload.language,
    content: payload.content,
    parameters: toPairs(payload.parameters ?? {}),
  };
}

export function toRequest(draft: Draft): JobCreate {
  const timeout = Number(draft.timeout);
  return {
    ...work(draft),
    targets: targets(draft),
    priority: draft.priority,
    timeout_seconds: Number.isFinite(timeout) ? timeout : undefined,
    not_before: draft.notBefore ? new Date(draft.notBefore).toISOString() : undefined,
  };
}

function work(draft: Draft): JobPayload {
  const working_directory = draft.folder.trim() || undefined;
  switch (draft.kind) {
    case "shell":
      return { type: "command", payload: { argv: [draft.line], shell: true, working_directory } };
    case "command":
      return {
        type: "command",
        payload: { argv: draft.arguments.map((one) => one.text), shell: false, working_directory },
      };
    case "script":
      return {
        type: "script",
        payload: {
          language: draft.language,
          content: draft.content,
          parameters: fromPairs(draft.parameters),
          working_directory,
        },
      };
  }
}

function targets(draft: Draft): JobCreate["targets"] {
  switch (draft.by) {
    case "hosts":
      return { agents: draft.hosts };
    case "labels":
      return { labels: Object.fromEntries(draft.labels.flatMap((label) => parseLabel(label) ?? [])) };
    case "all":
      return { all: true };
  }
}

/** `key=value` as a list of one pair; a key alone means an empty value. */
export function parseLabel(text: string): [[string, string]] | undefined {
  const [key = "", ...value] = text.split("=");
  return key.trim() === "" ? undefined : [[key.trim(), value.join("=")]];
}

/** What a person can see to be missing before the server is asked. */
export function missingPart(draft: Draft): string | undefined {
  if (draft.by === "hosts" && draft.hosts.length === 0) {
    return "Choose at least one host";
  }
  if (draft.by === "labels" && draft.labels.length === 0) {
    return "Give at least one label";
  }
  if (draft.kind === "command" && (draft.arguments[0]?.text ?? "").trim() === "") {
    return "Give the program to run";
  }
  if (draft.kind === "shell" && draft.line.trim() === "") {
    return "Give the line to run";
  }
  return draft.kind === "script" && draft.content.trim() === "" ? "Give the script’s code" : undefined;
}

/** Splits a line as a shell would, quotes and backslashes included, and nothing else: no variables, no patterns. */
export function splitArguments(line: string): string[] {
  const parts: string[] = [];
  let part = "";
  let started = false;
  let quote = "";
  for (let index = 0; index < line.length; index += 1) {
    const character = line[index] ?? "";
    if (quote) {
      if (character === quote) {
        quote = "";
      } else if (character === "\\" && quote === '"' && /["\\$`]/.test(line[index + 1] ?? "")) {
        index += 1;
        part += line[index] ?? "";
      } else {
        part += character;
      }
    } else if (character === "'" || character === '"') {
      quote = character;
      started = true;
    } else if (character === "\\" && index + 1 < line.length) {
      index += 1;
      part += line[index] ?? "";
      started = true;
    } else if (/\s/.test(character)) {
      if (started) {
        parts.push(part);
        part = "";
        started = false;
      }
    } else {
      part += character;
      started = true;
    }
  }
  return started ? [...parts, part] : parts;
}
