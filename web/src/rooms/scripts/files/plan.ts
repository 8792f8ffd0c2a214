/** What an import would do, found out before anything is done: the same that `postern script apply` does. */
import { api } from "~/api/client";
import type { IntentHeaders } from "~/api/intent";
import { answer, asProblem } from "~/api/problem";
import type { ScriptCreate, ScriptDefinition, ScriptDetail } from "~/api/types";
import { LANGUAGE } from "~/rooms/jobs/words";
import { bytes } from "~/ui/format";
import { scriptList } from "../api";
import { CONTENT_BYTES } from "../words";
import { FileProblem, type FileScript, partsOf, readScript, type TextFile } from "./format";

export interface ChosenFile {
  name: string;
  bytes: ArrayBuffer;
}

export type Found = { file: string; script: FileScript } | { file: string; problems: FileProblem[] };

/** The files that somebody chose; a YAML file belongs to the code of its name. */
export function readFiles(chosen: ChosenFile[]): Found[] {
  const beside = new Map(
    chosen.filter(({ name }) => isYaml(name)).map((file) => [partsOf(file.name).stem, file] as const),
  );
  const codes = chosen.filter(({ name }) => !isYaml(name));
  const stems = codes.map(({ name }) => partsOf(name).stem);
  const taken = new Map<string, string>();
  return [
    ...codes.map(({ name: file, ...code }) =>
      found(file, () => {
        const yaml = beside.get(partsOf(file).stem);
        const script = readScript(textOf({ name: file, ...code }), yaml && textOf(yaml));
        const other = taken.get(`${script.kind} ${script.name}`);
        if (other !== undefined) {
          throw new FileProblem(
            file,
            `is the ${script.kind} ${script.name}, as ${other} is: choose one of them`,
          );
        }
        taken.set(`${script.kind} ${script.name}`, file);
        return script;
      }),
    ),
    ...[...beside].flatMap(([stem, { name: file }]): Found[] => {
      const message = `is for the code of its name: choose ${stem}.sh, ${stem}.py or ${stem}.ps1 as well`;
      return stems.includes(stem) ? [] : [{ file, problems: [new FileProblem(file, message)] }];
    }),
  ];
}

const isYaml = (name: string) => partsOf(name).ending === "yaml";

function found(file: string, read: () => FileScript): Found {
  try {
    return { file, script: read() };
  } catch (problem) {
    if (problem instanceof FileProblem) {
      return { file, problems: [problem] };
    }
    throw problem;
  }
}

/** The server bounds the code; a header comes on top of it. */
const MOST = 2 * CONTENT_BYTES;

function textOf({ name, bytes: content }: ChosenFile): TextFile {
  if (content.byteLength > MOST) {
    throw new FileProblem(name, `is larger than ${bytes(MOST)}`);
  }
  try {
    return { name, text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content) };
  } catch {
    throw new FileProblem(name, "is not UTF-8 text");
  }
}

export type Outcome = { what: "create" } | { what: "version" | "describe" | "same"; saved: ScriptDetail };

export type Planned =
  | { file: string; script: FileScript; outcome: Outcome }
  | Extract<Found, { problems: unknown }>;

/** Asks the server what is there of each. Libraries come first: scripts of the same import may link them. */
export async function plan(files: Found[]): Promise<Planned[]> {
  const planned = await Promise.all(
    files.map(async (one): Promise<Planned> => {
      if ("problems" in one) {
        return one;
      }
      const saved = await savedOf(one.script);
      const problem = saved && languageProblem(one.script, saved);
      return problem
        ? { file: one.file, problems: [new FileProblem(one.file, problem)] }
        : { ...one, outcome: outcomeOf(one.script, saved) };
    }),
  );
  return planned.sort((one, other) => rank(one) - rank(other));
}

const rank = (one: Planned) => ("script" in one && one.script.kind === "library" ? 0 : 1);

async function savedOf({ kind, name }: FileScript): Promise<ScriptDetail | undefined> {
  const { items } = await scriptList({ limit: 2, filter: [`kind:${kind}`, `name:${name}`] });
  const id = items.find((item) => item.name === name)?.id;
  return id === undefined
    ? undefined
    : await answer(api.GET("/api/v1/scripts/{id}", { params: { path: { id } } }));
}

const languageProblem = (script: FileScript, saved: ScriptDetail): string | undefined =>
  script.language === saved.language
    ? undefined
    : `${saved.name} is saved in ${LANGUAGE[saved.language].label}, the file is in ${LANGUAGE[script.language].label}: ` +
      "delete it first, or choose another name";

export function outcomeOf(script: FileScript, saved: ScriptDetail | undefined): Outcome {
  if (!saved) {
    return { what: "create" };
  }
  if (definitionText(script.definition) !== definitionText(saved.definition)) {
    return { what: "version", saved };
  }
  return { what: script.description === saved.description ? "same" : "describe", saved };
}

/** The same for two definitions that say the same. */
const definitionText = (definition: ScriptDefinition): string => JSON.stringify(said(definition));

/** What it says besides the code, to be compared line by line. */
export function settingsText({ content: _, ...settings }: ScriptDefinition): string {
  return JSON.stringify(said(settings), null, 2);
}

/** In one order, and without what means the same as nothing. */
function said(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(said);
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const given = Object.entries(value).filter(([key, entry]) =>
    key === "default" ? entry !== null && entry !== undefined : !isNothing(entry),
  );
  return Object.fromEntries(given.map(([key, entry]) => [key, said(entry)]).sort(byName));
}

const isNothing = (value: unknown) =>
  value === undefined ||
  value === null ||
  value === false ||
  value === "" ||
  (Array.isArray(value) && value.length === 0);

const byName = ([one]: unknown[], [other]: unknown[]) => (String(one) < String(other) ? -1 : 1);

/** For what is new. */
export interface Belongs {
  organization?: number | undefined;
  department?: number | undefined;
}

interface Apply {
  message: string;
  belongs: Belongs;
  headers: (body: ScriptCreate) => IntentHeaders;
}

/** Does what was planned for one file. */
export async function apply(
  { script, outcome }: Extract<Planned, { script: unknown }>,
  { message, belongs, headers }: Apply,
): Promise<void> {
  const { kind, name, description, language, definition } = script;
  if (outcome.what === "create") {
    const body: ScriptCreate = {
      kind,
      name,
      description,
      language,
      definition,
      organization_id: belongs.organization,
      department_id: belongs.department,
      message,
    };
    await answer(api.POST("/api/v1/scripts", { body, headers: headers(body) }));
  } else if (outcome.what !== "same") {
    const { id, version } = outcome.saved;
    await answer(
      api.PATCH("/api/v1/scripts/{id}", {
        params: { path: { id } },
        body: { description, definition, message, based_on: version },
      }),
    );
  }
}

/** What the server says of a file, at the lines that say it. */
export function refusal(file: string, script: FileScript, error: unknown): FileProblem[] {
  const { problem, fields } = asProblem(error);
  if (fields.length === 0) {
    return [new FileProblem(file, problem.detail)];
  }
  return fields.map(({ field, message }) => {
    const line = lineOf(script.lines, field);
    return new FileProblem(line === undefined ? file : script.headerFile, `${field} ${message}`, line);
  });
}

/** A part of something stands where that begins. */
function lineOf(lines: Record<string, number>, field: string): number | undefined {
  const parents = Object.keys(lines).filter(
    (known) => field === known || field.startsWith(`${known}.`) || field.startsWith(`${known}[`),
  );
  return lines[parents.sort((one, other) => other.length - one.length)[0] ?? ""];
}
