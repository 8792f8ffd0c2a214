/** The work of a job in a form, whatever its type, and the payload it becomes. */
import type { Command, JobDetail, JobPayload, JobType, Language, ScriptPayload } from "~/api/types";
import { fromPairs, type Pair, toPairs } from "~/ui/KeyValueEditor";
import {
  build,
  initialValues,
  missing,
  pairsOf,
  read,
  type SecretEntry,
  secretEntries,
  type Values,
} from "./fields";
import { FIELDED, type FieldedType } from "./types";

export interface Argument {
  id: number;
  text: string;
}

export interface CommandDraft {
  shell: boolean;
  arguments: Argument[];
  line: string;
  environment: Pair[];
}

export interface ScriptDraft {
  language: Language;
  content: string;
  parameters: Pair[];
  secrets: Pair[];
}

/** What commands and scripts have in common. */
export interface PlaceDraft {
  folder: string;
  runAsUser: string;
  requiresElevation: boolean;
}

export interface WorkDraft {
  type: JobType;
  command: CommandDraft;
  script: ScriptDraft;
  place: PlaceDraft;
  /** What was filled in for the other types; each keeps its own. */
  values: Record<FieldedType, Values>;
}

let nextArgument = 1;
export const argument = (text: string): Argument => ({ id: nextArgument++, text });

export function emptyWork(): WorkDraft {
  const entries = Object.entries(FIELDED).map(([type, { fields }]) => [type, initialValues(fields)]);
  return {
    type: "script",
    command: { shell: false, arguments: [argument("")], line: "", environment: [] },
    script: { language: "bash", content: "", parameters: [], secrets: [] },
    place: { folder: "", runAsUser: "", requiresElevation: false },
    values: Object.fromEntries(entries) as Record<FieldedType, Values>,
  };
}

/** The API's description cannot say it: the shape of a job's payload follows from its type. */
export function workOf(job: Pick<JobDetail, "type" | "payload">): JobPayload {
  return { type: job.type, payload: job.payload } as JobPayload;
}

export function workFrom(work: JobPayload): WorkDraft {
  const draft = emptyWork();
  switch (work.type) {
    case "command": {
      const { argv, shell = false, environment = {} } = work.payload;
      const command = {
        ...draft.command,
        shell,
        ...(shell ? { line: argv[0] ?? "" } : { arguments: argv.map(argument) }),
        environment: toPairs(environment),
      };
      return { ...draft, type: "command", command, place: placeFrom(work.payload) };
    }
    case "script": {
      const { language, content, parameters = {}, secrets = [] } = work.payload;
      const script = {
        language,
        content,
        parameters: toPairs(parameters),
        secrets: toPairs(Object.fromEntries(secrets.map((name) => [name, ""]))),
      };
      return { ...draft, type: "script", script, place: placeFrom(work.payload) };
    }
    default: {
      const values = read(FIELDED[work.type].fields, { ...work.payload });
      return { ...draft, type: work.type, values: { ...draft.values, [work.type]: values } };
    }
  }
}

function placeFrom(payload: Command | ScriptPayload): PlaceDraft {
  return {
    folder: payload.working_directory ?? "",
    runAsUser: payload.run_as_user ?? "",
    requiresElevation: payload.requires_elevation ?? false,
  };
}

interface Work {
  work: JobPayload;
  secrets: Record<string, string>;
}

export function toWork(draft: WorkDraft): Work {
  switch (draft.type) {
    case "command": {
      const { shell, line, arguments: list, environment: pairs } = draft.command;
      const environment = fromPairs(pairs);
      const payload: Command = {
        argv: shell ? [line] : list.map((one) => one.text),
        shell,
        ...(Object.keys(environment).length > 0 ? { environment } : {}),
        ...placeOf(draft.place),
      };
      return { work: { type: "command", payload }, secrets: {} };
    }
    case "script": {
      const { language, content, parameters, secrets: hidden } = draft.script;
      const secrets = fromPairs(hidden);
      const names = Object.keys(secrets);
      const payload: ScriptPayload = {
        language,
        content,
        parameters: fromPairs(parameters),
        ...(names.length > 0 ? { secrets: names } : {}),
        ...placeOf(draft.place),
      };
      return { work: { type: "script", payload }, secrets };
    }
    default: {
      const { payload, secrets } = build(FIELDED[draft.type].fields, draft.values[draft.type]);
      // The fields' names are checked against the type where they are listed.
      return { work: { type: draft.type, payload } as unknown as JobPayload, secrets };
    }
  }
}

function placeOf(
  place: PlaceDraft,
): Pick<Command, "working_directory" | "run_as_user" | "requires_elevation"> {
  return {
    ...(place.folder.trim() ? { working_directory: place.folder.trim() } : {}),
    ...(place.runAsUser.trim() ? { run_as_user: place.runAsUser.trim() } : {}),
    ...(place.requiresElevation ? { requires_elevation: true } : {}),
  };
}

/** The secrets that the work asks for, with what was typed. */
export function workSecrets(draft: WorkDraft): SecretEntry[] {
  switch (draft.type) {
    case "command":
      return [];
    case "script":
      return Object.entries(fromPairs(draft.script.secrets)).map(([name, value]) => ({ name, value }));
    default:
      return secretEntries(FIELDED[draft.type].fields, draft.values[draft.type]);
  }
}

const secretFields = (draft: WorkDraft): string[] => workSecrets(draft).map(({ name }) => `secrets.${name}`);

/** What a person can see to be missing before the server is asked. Secrets that are kept may be left empty. */
export function missingWork(draft: WorkDraft, kept: readonly string[] = []): string | undefined {
  switch (draft.type) {
    case "command":
      if (draft.command.shell) {
        return draft.command.line.trim() === "" ? "Give the line to run" : undefined;
      }
      return (draft.command.arguments[0]?.text ?? "").trim() === "" ? "Give the program to run" : undefined;
    case "script": {
      const empty = draft.script.secrets.find(
        ({ key, value }) => key.trim() !== "" && value === "" && !kept.includes(key.trim()),
      );
      if (draft.script.content.trim() === "") {
        return "Give the script’s code";
      }
      return empty ? `Give the value of ${empty.key.trim()}` : undefined;
    }
    default: {
      const { fields, check } = FIELDED[draft.type];
      const values = draft.values[draft.type];
      return missing(fields, values, kept) ?? check?.(values);
    }
  }
}

/** Where the server's problems with the work can be shown. */
export function workFields(draft: WorkDraft): string[] {
  if (draft.type === "command" || draft.type === "script") {
    const names = [
      "argv",
      "content",
      "language",
      "parameters",
      "secrets",
      "working_directory",
      "run_as_user",
      "environment",
      ...Object.keys(fromPairs(draft.command.environment)).map((name) => `environment.${name}`),
    ];
    return [...names.map((name) => `payload.${name}`), "secrets", ...secretFields(draft)];
  }
  const values = draft.values[draft.type];
  return FIELDED[draft.type].fields.flatMap((field) => {
    switch (field.input) {
      case "secret":
        return [`secrets.${field.name}`];
      case "secrets":
        return pairsOf(values, field.name).length > 0
          ? [`payload.${field.name}`, "secrets", ...secretFields(draft)]
          : [`payload.${field.name}`];
      default:
        return [`payload.${field.name}`];
    }
  });
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
