/**
 * The text of a workflow as a graph. It may be half written: what has a wrong shape is shown as well as it can be, and
 * the server says what is wrong with it. A text that is no definition at all is not shown.
 */
import type { WorkflowStep } from "~/api/types";
import { type FlowList, type FlowStep, flowOf } from "./model";
import { readText } from "./text";
import { isRecord, type Path, valueIn } from "./values";

export interface Readable {
  source: string;
  root: FlowList;
  /** As the text says it. */
  value: unknown;
  /** Where in the text the steps and lists of the graph stand, by their pointers. */
  paths: ReadonlyMap<string, Path>;
}

export interface Unreadable {
  message: string;
  /** Counts from 1. */
  line: number;
}

export type Parsed = { readable: Readable } | { unreadable: Unreadable };

export function parse(source: string): Parsed {
  const doc = readText(source);
  const [error] = doc.errors;
  if (error) {
    const [message = ""] = error.message.split(" at line ");
    return { unreadable: { message: `The text is no YAML: ${message}`, line: error.linePos?.[0].line ?? 1 } };
  }
  let value: unknown;
  try {
    value = doc.toJS({ maxAliasCount: 100 });
  } catch (problem) {
    return {
      unreadable: {
        message: problem instanceof Error ? problem.message : "It has an alias too many",
        line: 1,
      },
    };
  }
  if (value !== null && value !== undefined && !isRecord(value)) {
    return { unreadable: { message: "The text is no definition: it has no fields", line: 1 } };
  }
  const lineAt = (path: Path) => {
    const node: unknown = doc.getIn(path, true);
    const from = isRecord(node) && Array.isArray(node["range"]) ? Number(node["range"][0]) : 0;
    return source.slice(0, from).split("\n").length;
  };
  const reader = new Reader();
  try {
    const steps = reader.list(value, ["steps"], "/steps");
    return { readable: { source, value, root: flowOf(steps), paths: reader.paths } };
  } catch (problem) {
    if (problem instanceof Shape) {
      return { unreadable: { message: problem.message, line: lineAt(problem.path) } };
    }
    throw problem;
  }
}

/** Something that should be a list or a record is none. */
class Shape extends Error {
  readonly path: Path;

  constructor(message: string, path: Path) {
    super(message);
    this.path = path;
  }
}

class Reader {
  readonly paths = new Map<string, Path>();

  list(holder: unknown, path: Path, pointer: string): WorkflowStep[] {
    this.paths.set(pointer, path);
    const list = valueIn(holder, path);
    if (list === undefined || list === null) {
      return [];
    }
    if (!Array.isArray(list)) {
      throw new Shape(`“${path.at(-1)}” is no list of steps`, path);
    }
    return list.map((step, index) => this.step(holder, step, [...path, index], `${pointer}/${index}`));
  }

  private step(holder: unknown, step: unknown, path: Path, pointer: string): WorkflowStep {
    if (!isRecord(step)) {
      throw new Shape("A step has no fields", path);
    }
    this.paths.set(pointer, path);
    const fields = flat(step);
    const branches: { name?: string; steps: WorkflowStep[] }[] = [];
    if (fields["type"] === "parallel") {
      const at = [...path, ...(isNested(step, "branches") ? ["config", "branches"] : ["branches"])];
      const given = valueIn(holder, at);
      if (given !== undefined && given !== null && !Array.isArray(given)) {
        throw new Shape("“branches” is no list", at);
      }
      this.paths.set(`${pointer}/branches`, at);
      for (const [number, branch] of (given ?? []).entries()) {
        const below = `${pointer}/branches/${number}`;
        const own = [...at, number];
        this.paths.set(below, own);
        if (Array.isArray(branch)) {
          branches.push({ steps: this.list(holder, own, `${below}/steps`) });
        } else if (isRecord(branch)) {
          const name = branch["name"];
          const steps = this.list(holder, [...own, "steps"], `${below}/steps`);
          branches.push(typeof name === "string" ? { name, steps } : { steps });
        } else {
          throw new Shape("A branch is no list of steps", own);
        }
      }
    }
    return lenient({ ...fields, branches });
  }
}

/** Fields nested in `config` stand beside the others. */
export function flat(step: Record<string, unknown>): Record<string, unknown> {
  const { config, ...rest } = step;
  return isRecord(config) ? { ...rest, ...config } : rest;
}

/** What every step has stands beside `config`; the rest stands where the others of the step do. */
const OUTSIDE = ["id", "name", "type", "on_success", "on_failure", "position"];

export function isNested(step: Record<string, unknown>, field: string): boolean {
  const config = step["config"];
  return (
    isRecord(config) &&
    (Object.hasOwn(config, field) || (!OUTSIDE.includes(field) && !Object.hasOwn(step, field)))
  );
}

const text = (value: unknown): string =>
  value === undefined || value === null
    ? ""
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(text) : []);
const optional = (value: unknown): string | undefined =>
  value === undefined || value === null ? undefined : text(value);
const number = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);

/** A step in the form that the rest of the page reads, whatever was written. */
function lenient(fields: Record<string, unknown> & { branches: unknown }): WorkflowStep {
  return {
    id: text(fields["id"]),
    name: optional(fields["name"]),
    type: text(fields["type"]),
    on_success: optional(fields["on_success"]),
    on_failure: optional(fields["on_failure"]),
    on_true: optional(fields["on_true"]) ?? "continue",
    on_false: optional(fields["on_false"]) ?? "continue",
    script: optional(fields["script"]),
    script_id: number(fields["script_id"]),
    version: number(fields["version"]),
    command: optional(fields["command"]),
    argv: texts(fields["argv"]),
    method: optional(fields["method"]),
    url: text(fields["url"]),
    action: optional(fields["action"]),
    action_id: number(fields["action_id"]),
    title: text(fields["title"]),
    approval_type: text(fields["approval_type"]) || "one_of_many",
    approvers: texts(fields["approvers"]),
    condition: text(fields["condition"]),
    seconds: number(fields["seconds"]),
    minutes: number(fields["minutes"]),
    hours: number(fields["hours"]),
    to: texts(fields["to"]),
    workflow: optional(fields["workflow"]),
    workflow_id: number(fields["workflow_id"]),
    on_branch_failure: optional(fields["on_branch_failure"]),
    branches: fields.branches,
    // It has the fields of all types at once, and of which type it is is not known to be one of them.
  } as unknown as WorkflowStep;
}

/** The fields of a step as they are written, wherever they stand. */
export function fieldsOf({ value, paths }: Readable, step: FlowStep): Record<string, unknown> {
  const raw = valueIn(value, paths.get(step.pointer) ?? []);
  return isRecord(raw) ? flat(raw) : {};
}
