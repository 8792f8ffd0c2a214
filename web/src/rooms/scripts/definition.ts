/** A script's definition as it stands in the editor, and the one of the API that it becomes. */
import type { Concurrency, LibraryLink, Parameter, ParameterType, ScriptDefinition } from "~/api/types";

export interface ParameterDraft {
  id: number;
  name: string;
  type: ParameterType;
  required: boolean;
  /** As it is typed; empty means none. */
  default: string;
  /** It was read with an empty text as its default, which stays until something is typed. */
  emptyDefault?: boolean;
  choices: string[];
  minimum: string;
  maximum: string;
  description: string;
}

export interface LibraryDraft {
  id: number;
  library: string;
  /** Empty: the newest at the time of the run. */
  version: string;
}

export interface DefinitionDraft {
  content: string;
  parameters: ParameterDraft[];
  libraries: LibraryDraft[];
  timeout: string;
  runAsUser: string;
  requiresElevation: boolean;
  concurrencyKey: string;
  concurrencyPer: Concurrency["per"];
}

let nextId = 1;

export const newParameter = (): ParameterDraft => ({
  id: nextId++,
  name: "",
  type: "string",
  required: false,
  default: "",
  choices: [],
  minimum: "",
  maximum: "",
  description: "",
});

export const newLibrary = (library: string): LibraryDraft => ({ id: nextId++, library, version: "" });

export const isNumeric = (type: ParameterType): boolean => type === "integer" || type === "number";

export function draftOf(definition: ScriptDefinition): DefinitionDraft {
  return {
    content: definition.content ?? "",
    parameters: (definition.parameters ?? []).map(parameterDraft),
    libraries: (definition.libraries ?? []).map((link) => ({
      id: nextId++,
      library: link.library,
      version: plain(link.version),
    })),
    timeout: plain(definition.timeout_seconds),
    runAsUser: definition.run_as_user ?? "",
    requiresElevation: definition.requires_elevation ?? false,
    concurrencyKey: definition.concurrency?.key ?? "",
    concurrencyPer: definition.concurrency?.per ?? "host",
  };
}

export const parameterDraft = (parameter: Parameter): ParameterDraft => ({
  id: nextId++,
  name: parameter.name,
  type: parameter.type,
  required: parameter.required ?? false,
  default: plain(parameter.default),
  emptyDefault: isEmptyText(parameter.default),
  choices: parameter.choices ?? [],
  minimum: plain(parameter.minimum),
  maximum: plain(parameter.maximum),
  description: parameter.description ?? "",
});

/** A default may be a text, a number or a boolean; the API's description cannot say so. */
const plain = (value: unknown): string => (value === undefined || value === null ? "" : String(value));

const isEmptyText = (value: unknown): boolean => value === "";

/** What was left empty is left out. */
export function definitionOf(draft: DefinitionDraft): ScriptDefinition {
  const definition: ScriptDefinition = { content: draft.content };
  if (draft.parameters.length > 0) {
    definition.parameters = draft.parameters.map(parameterOf);
  }
  const libraries = draft.libraries.filter((link) => link.library !== "").map(linkOf);
  if (libraries.length > 0) {
    definition.libraries = libraries;
  }
  if (draft.timeout.trim() !== "") {
    definition.timeout_seconds = Number(draft.timeout);
  }
  if (draft.runAsUser.trim() !== "") {
    definition.run_as_user = draft.runAsUser.trim();
  }
  if (draft.requiresElevation) {
    definition.requires_elevation = true;
  }
  if (draft.concurrencyKey.trim() !== "") {
    definition.concurrency = { key: draft.concurrencyKey.trim(), per: draft.concurrencyPer };
  }
  return definition;
}

export function parameterOf(draft: ParameterDraft): Parameter {
  const parameter: Parameter = { name: draft.name.trim(), type: draft.type };
  if (draft.description.trim() !== "") {
    parameter.description = draft.description.trim();
  }
  if (draft.required) {
    parameter.required = true;
  }
  const value = defaultOf(draft);
  if (value !== undefined) {
    parameter.default = value as unknown as Parameter["default"];
  }
  if (draft.type === "choice") {
    parameter.choices = draft.choices;
  }
  if (isNumeric(draft.type)) {
    if (draft.minimum.trim() !== "") {
      parameter.minimum = Number(draft.minimum);
    }
    if (draft.maximum.trim() !== "") {
      parameter.maximum = Number(draft.maximum);
    }
  }
  return parameter;
}

/** What is no number stays as it was typed: the server says what is wrong with it. */
function defaultOf(parameter: ParameterDraft): string | number | boolean | undefined {
  const { type, default: text, emptyDefault } = parameter;
  if (text === "" || type === "secret") {
    return emptyDefault && (type === "string" || type === "choice") ? "" : undefined;
  }
  if (isNumeric(type)) {
    const number = Number(text);
    return Number.isFinite(number) ? number : text;
  }
  return type === "boolean" ? text === "true" : text;
}

function linkOf({ library, version }: LibraryDraft): LibraryLink {
  return version === "" ? { library } : { library, version: Number(version) };
}

/** Whether both would be saved as the same version. */
export function sameDefinition(one: DefinitionDraft, other: DefinitionDraft): boolean {
  return JSON.stringify(definitionOf(one)) === JSON.stringify(definitionOf(other));
}

/** Everything but the code, to be compared line by line. */
export function settingsText({ content: _, ...settings }: ScriptDefinition): string {
  return JSON.stringify(settings, null, 2);
}

/** Where in a definition the server's problems have an input. */
export function definitionFields(draft: DefinitionDraft): string[] {
  return [
    "name",
    "description",
    "message",
    "definition.content",
    "definition.parameters",
    ...draft.parameters.map((parameter) => `definition.parameters.${parameter.name.trim()}`),
    "definition.libraries",
    "definition.timeout_seconds",
    "definition.run_as_user",
    "definition.concurrency",
  ];
}
