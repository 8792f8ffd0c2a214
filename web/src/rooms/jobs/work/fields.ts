/**
 * The fields of a job's work as data: what a form shows, how values become a payload and how a payload becomes values
 * again. A field's name is the payload's own, checked against the API's types.
 */
import { fromPairs, type Pair, toPairs } from "~/ui/KeyValueEditor";

/** A name whose value goes beside the payload. */
export interface SecretPair extends Pair {
  /** What a payload that was read calls its secret. */
  secret?: string;
}

export type Value = string | boolean | string[] | SecretPair[];
export type Values = Record<string, Value>;

interface Shared<Name extends string> {
  name: Name;
  label: string;
  help?: string;
  placeholder?: string;
  required?: boolean;
  /** Only there while this holds. */
  when?: (values: Values) => boolean;
  /** Takes the whole width. */
  wide?: boolean;
}

export type Field<Name extends string = string> = Shared<Name> &
  (
    | { input: "text" | "area"; mono?: boolean }
    | { input: "number"; least: number; most: number }
    | { input: "switch" }
    | { input: "choice"; options: { value: string; label: string }[]; initial?: string }
    | { input: "list"; item?: ListItem }
    /** Names with values. */
    | { input: "pairs"; add: string; key: string }
    /** A value that goes beside the payload, sealed to the agents. */
    | { input: "secret" }
    /** Names whose values go beside the payload. */
    | { input: "secrets"; add: string; key: string }
  );

/** How one entry of a list is written in the payload, where it is not a text. */
export interface ListItem {
  to: (text: string) => unknown;
  from: (item: unknown) => string;
  /** What is wrong with an entry. */
  problem?: (text: string) => string | undefined;
}

export const numbers = (least: number, most: number): ListItem => ({
  to: Number,
  from: String,
  problem: (text) =>
    /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most
      ? undefined
      : `${text} is not a number from ${least} to ${most}`,
});

export const shown = (fields: readonly Field[], values: Values): Field[] =>
  fields.filter((field) => field.when?.(values) ?? true);

export function initialValues(fields: readonly Field[]): Values {
  return Object.fromEntries(fields.map((field) => [field.name, initial(field)]));
}

function initial(field: Field): Value {
  switch (field.input) {
    case "switch":
      return false;
    case "list":
    case "pairs":
    case "secrets":
      return [];
    case "choice":
      return field.initial ?? field.options[0]?.value ?? "";
    default:
      return "";
  }
}

export const textOf = (values: Values, name: string): string => {
  const value = values[name];
  return typeof value === "string" ? value : "";
};
export const listOf = (values: Values, name: string): string[] => {
  const value = values[name];
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === "string") : [];
};
export const pairsOf = (values: Values, name: string): SecretPair[] => {
  const value = values[name];
  return Array.isArray(value) ? value.filter((entry): entry is SecretPair => typeof entry === "object") : [];
};

interface Hidden extends SecretEntry {
  key: string;
}

/** What is handed over for each key, and under which name: the one it came with, else one of its own. */
export function hiddenOf(pairs: SecretPair[]): Hidden[] {
  const rows = new Map(pairs.map((pair) => [pair.key.trim(), pair]));
  rows.delete("");
  const taken = new Set([...rows.values()].flatMap(({ secret }) => secret ?? []));
  return [...rows].map(([key, { secret, value }]) => {
    const name = secret ?? free(key, taken);
    taken.add(name);
    return { key, name, value };
  });
}

function free(key: string, taken: ReadonlySet<string>): string {
  const name = key.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_");
  let tried = name;
  for (let count = 2; taken.has(tried); count += 1) {
    tried = `${name}_${count}`;
  }
  return tried;
}

/** One secret may stand at several keys; whichever says something says it for all. */
function entriesOf(pairs: SecretPair[]): SecretEntry[] {
  const entries = new Map<string, string>();
  for (const { name, value } of hiddenOf(pairs)) {
    entries.set(name, entries.get(name) || value);
  }
  return [...entries].map(([name, value]) => ({ name, value }));
}

export interface Built {
  payload: Record<string, unknown>;
  secrets: Record<string, string>;
}

/** What was left empty is left out: the server has the defaults. */
export function build(fields: readonly Field[], values: Values): Built {
  const payload: Record<string, unknown> = {};
  const secrets: Record<string, string> = {};
  for (const field of shown(fields, values)) {
    const text = textOf(values, field.name).trim();
    switch (field.input) {
      case "switch":
        if (values[field.name] === true) {
          payload[field.name] = true;
        }
        break;
      case "number":
        if (text !== "") {
          payload[field.name] = Number(text);
        }
        break;
      case "area":
        if (textOf(values, field.name) !== "") {
          payload[field.name] = textOf(values, field.name);
        }
        break;
      case "text":
      case "choice":
        if (text !== "") {
          payload[field.name] = text;
        }
        break;
      case "list": {
        const list = listOf(values, field.name);
        if (list.length > 0 || field.required) {
          payload[field.name] = field.item ? list.map(field.item.to) : list;
        }
        break;
      }
      case "pairs": {
        const entries = fromPairs(pairsOf(values, field.name));
        if (Object.keys(entries).length > 0) {
          payload[field.name] = entries;
        }
        break;
      }
      case "secret":
        if (textOf(values, field.name) !== "") {
          secrets[field.name] = textOf(values, field.name);
        }
        break;
      case "secrets": {
        const hidden = hiddenOf(pairsOf(values, field.name));
        if (hidden.length > 0) {
          payload[field.name] = Object.fromEntries(hidden.map(({ key, name }) => [key, name]));
          for (const { name, value } of entriesOf(pairsOf(values, field.name))) {
            secrets[name] = value;
          }
        }
        break;
      }
    }
  }
  return { payload, secrets };
}

/** The values of an earlier job. Secrets are not known any more: their fields are empty. */
export function read(fields: readonly Field[], payload: Record<string, unknown>): Values {
  const values = initialValues(fields);
  for (const field of fields) {
    const value = payload[field.name];
    if (value === undefined || value === null) {
      continue;
    }
    if (field.input === "list" && Array.isArray(value)) {
      values[field.name] = value.map(field.item?.from ?? String);
    } else if (field.input === "pairs" && typeof value === "object") {
      values[field.name] = toPairs(texts(value));
    } else if (field.input === "secrets" && typeof value === "object") {
      values[field.name] = toPairs(texts(value)).map((pair) => ({ ...pair, value: "", secret: pair.value }));
    } else if (field.input === "switch") {
      values[field.name] = value === true;
    } else if (typeof value === "string" || typeof value === "number") {
      values[field.name] = String(value);
    }
  }
  return values;
}

const texts = (value: object): Record<string, string> =>
  Object.fromEntries(Object.entries(value).map(([key, text]) => [key, String(text)]));

/** The secrets that are asked for, by the names under which their values are handed over. */
export function secretEntries(fields: readonly Field[], values: Values): SecretEntry[] {
  return shown(fields, values).flatMap((field) => {
    switch (field.input) {
      case "secret":
        return [{ name: field.name, value: textOf(values, field.name) }];
      case "secrets":
        return entriesOf(pairsOf(values, field.name));
      default:
        return [];
    }
  });
}

export interface SecretEntry {
  name: string;
  value: string;
}

/** What a person can see to be missing or wrong before the server is asked. Secrets that are kept may be left empty. */
export function missing(
  fields: readonly Field[],
  values: Values,
  kept: readonly string[] = [],
): string | undefined {
  for (const field of shown(fields, values)) {
    const problem = problemOf(field, values, kept);
    if (problem) {
      return problem;
    }
  }
  return undefined;
}

function problemOf(field: Field, values: Values, kept: readonly string[]): string | undefined {
  const text = textOf(values, field.name).trim();
  switch (field.input) {
    case "number": {
      const number = Number(text);
      if (text !== "" && !(Number.isInteger(number) && number >= field.least && number <= field.most)) {
        return `${field.label} must be a whole number from ${field.least} to ${field.most}`;
      }
      return field.required && text === "" ? `Give “${field.label}”` : undefined;
    }
    case "list": {
      const list = listOf(values, field.name);
      const wrong = list.map((entry) => field.item?.problem?.(entry)).find(Boolean);
      return wrong ?? (field.required && list.length === 0 ? `Give “${field.label}”` : undefined);
    }
    case "secrets":
      return problemOfSecrets(pairsOf(values, field.name), kept);
    case "switch":
    case "pairs":
      return undefined;
    default:
      return field.required && text === "" ? `Give “${field.label}”` : undefined;
  }
}

function problemOfSecrets(pairs: SecretPair[], kept: readonly string[]): string | undefined {
  const hidden = hiddenOf(pairs);
  for (const { name, value } of entriesOf(pairs)) {
    const keys = hidden.filter((one) => one.name === name);
    const first = keys[0]?.key ?? name;
    const other = keys.find((one) => one.value !== "" && one.value !== value);
    if (other) {
      return `Give ${keys.map(({ key }) => key).join(" and ")} the same value: they have one secret, ${name}`;
    }
    if (value === "" && !kept.includes(name)) {
      return `Give the value of ${first}`;
    }
  }
  return undefined;
}
