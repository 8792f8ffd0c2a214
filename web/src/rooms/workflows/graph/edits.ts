/** What somebody does to the steps of a workflow, as a change of its text. Each gives the text as it is afterwards. */
import { ENDS, type End, type FlowStep, listAt, type When } from "./model";
import { fieldsOf, isNested, parse, type Readable } from "./parse";
import { ROUTES, renameReferences } from "./references";
import { type Item, insertIn, removeIn, setIn } from "./text";
import { isRecord, type Path, valueIn } from "./values";

export type StepFields = Record<string, unknown>;
export type Target = { step: string } | { end: End } | "continue";

/** What a new field stands behind. */
const ORDER = [
  "id",
  "name",
  "type",
  "config",
  "script",
  "script_id",
  "version",
  "action",
  "action_id",
  "workflow",
  "workflow_id",
  "to",
  "title",
  "description",
  "message",
  "approval_type",
  "approvers",
  "timeout_minutes",
  "reminder_minutes",
  "allow_self_approval",
  "condition",
  "hours",
  "minutes",
  "seconds",
  "branches",
  "on_branch_failure",
  "method",
  "url",
  "headers",
  "json",
  "body",
  "expected_status",
  "max_redirects",
  "allow_invalid_certificate",
  "extra_ca",
  "command",
  "argv",
  "shell",
  "environment",
  "working_directory",
  "parameters",
  "inputs",
  "hosts",
  "timeout_seconds",
  "retries",
  "run_as_user",
  "continue_on",
  "on_true",
  "on_false",
  "on_success",
  "on_failure",
];

const ROUTE: Record<When, string> = {
  success: "on_success",
  failure: "on_failure",
  true: "on_true",
  false: "on_false",
};
/** Those that a condition cannot do without. */
const NEEDED: When[] = ["true", "false"];

export const routeField = (when: When): string => ROUTE[when];

/** Where a field of a step stands in the text, or would stand. */
function placeOf(readable: Readable, step: FlowStep, field: string): Path {
  const path = readable.paths.get(step.pointer) ?? [];
  const raw = valueIn(readable.value, path);
  return isRecord(raw) && isNested(raw, field) ? [...path, "config", field] : [...path, field];
}

/** Nothing takes the field out. */
export function setField(readable: Readable, step: FlowStep, field: string, value: unknown): string {
  const path = placeOf(readable, step, field);
  if (value !== undefined) {
    return setIn(readable.source, path, value, ORDER);
  }
  return valueIn(readable.value, path) === undefined ? readable.source : removeIn(readable.source, path);
}

/** Several at once, like `script` in place of `script_id`. What is set comes first, so that no record becomes empty. */
export function setFields(readable: Readable, step: FlowStep, fields: StepFields): string {
  const entries = Object.entries(fields).toSorted(
    ([, one], [, other]) => Number(one === undefined) - Number(other === undefined),
  );
  return entries.reduce(
    (source, [field, value]) => setField(reread(source), again(reread(source), step), field, value),
    readable.source,
  );
}

/** A field of the workflow itself; nothing, an empty list or an empty record takes it out. */
export function setOfWorkflow(readable: Readable, field: "inputs" | "hosts", value: unknown): string {
  const empty = value === undefined || (Array.isArray(value) && value.length === 0);
  if (!empty) {
    return setIn(readable.source, [field], value, TOP);
  }
  return valueIn(readable.value, [field]) === undefined
    ? readable.source
    : removeIn(readable.source, [field]);
}

const TOP = ["name", "description", "organization", "department", "inputs", "hosts", "steps"];

/** The route as the text says it: nothing where it follows from the order of the list anyway. */
export function setRoute(readable: Readable, step: FlowStep, when: When, target: Target | undefined): string {
  return setField(readable, step, ROUTE[when], writtenRoute(readable, step, when, target));
}

function writtenRoute(
  readable: Readable,
  step: FlowStep,
  when: When,
  target: Target | undefined,
): string | undefined {
  const usual = NEEDED.includes(when) ? "continue" : undefined;
  if (target === undefined || (target === "continue" && when !== "failure")) {
    return usual;
  }
  if (target === "continue") {
    return target;
  }
  const next = listAt(readable.root, step.list)?.steps[step.index + 1];
  const follows = "end" in target ? target.end === "completed" && !next : target.step === next?.id;
  return follows && when === "success" ? usual : "end" in target ? target.end : target.step;
}

/** Whether there is something to reset. */
export function isWritten(readable: Readable, step: FlowStep, when: When): boolean {
  const value = fieldsOf(readable, step)[ROUTE[when]];
  return value !== undefined && value !== "continue";
}

/** Puts a step, or lines that say one, into a list. */
export function insertStep(readable: Readable, list: string, index: number, item: Item): string {
  return insertIn(readable.source, readable.paths.get(list) ?? ["steps"], index, item);
}

/** Puts a step on a route: where it led, the new one leads; all other routes lead where they led before. */
export function insertOnRoute(readable: Readable, step: FlowStep, when: When, fields: StepFields): string {
  const list = listAt(readable.root, step.list);
  const next = list?.steps[step.index + 1];
  const goesOn = (route: unknown) => route === undefined || route === "continue";
  const own = fieldsOf(readable, step);
  const led = own[ROUTE[when]];
  const whens: When[] =
    step.step.type === "conditional" ? ["true", "false", "failure"] : ["success", "failure"];
  let source = readable.source;
  for (const other of whens) {
    const route = own[ROUTE[other]];
    // A failure that nobody routes does not go on.
    const follows = other === "failure" ? route === "continue" : goesOn(route);
    if (other !== when && follows) {
      source = setField(reread(source), step, ROUTE[other], next?.id ?? "completed");
    }
  }
  const usual = NEEDED.includes(when) || when === "failure" ? "continue" : undefined;
  source = setField(reread(source), step, ROUTE[when], usual);
  const ending = when === "failure" && led === undefined ? "failed" : led;
  const onwards = goesOn(ending) || ending === next?.id ? {} : forward(fields, String(ending));
  return insertStep(reread(source), step.list, step.index + 1, { value: { ...fields, ...onwards } });
}

const forward = (fields: StepFields, to: string): StepFields =>
  fields["type"] === "conditional" ? { on_true: to } : { on_success: to };

export interface Removed {
  source: string;
  /** How many routes led to what is gone. */
  routes: number;
}

/** Takes steps out. Routes that named them lead on as if nobody had said anything. */
export function removeSteps(readable: Readable, gone: readonly FlowStep[]): Removed {
  const inner = outermost(gone);
  const ids = new Set(inner.flatMap((step) => [step, ...below(step)]).map(({ id }) => id));
  const left = allSteps(readable).filter(({ pointer }) => !inner.some((step) => isAt(pointer, step.pointer)));
  let source = readable.source;
  let routes = 0;
  for (const step of left) {
    const fields = fieldsOf(readable, step);
    for (const field of ROUTES.filter((one) => ids.has(String(fields[one] ?? "")))) {
      const needed = field === "on_true" || field === "on_false";
      source = setField(reread(source), step, field, needed ? "continue" : undefined);
      routes += 1;
    }
  }
  // From the last to the first, so that places stay true.
  for (const step of inner.toReversed()) {
    source = removeIn(source, readable.paths.get(step.pointer) ?? []);
  }
  return { source, routes };
}

/** Without those that stand inside of others; in the order of the text. */
export function outermost(steps: readonly FlowStep[]): FlowStep[] {
  return steps
    .filter((step) => !steps.some((other) => other !== step && isAt(step.pointer, other.pointer)))
    .toSorted((one, other) => byPlace(one.pointer, other.pointer));
}

const isAt = (pointer: string, of: string) => pointer === of || pointer.startsWith(`${of}/`);

function byPlace(one: string, other: string): number {
  return one.localeCompare(other, "en", { numeric: true });
}

export function allSteps({ root }: Readable): FlowStep[] {
  return root.steps.flatMap((step) => [step, ...below(step)]);
}

const below = ({ branches }: FlowStep): FlowStep[] =>
  branches.flatMap(({ list }) => list.steps.flatMap((step) => [step, ...below(step)]));

export interface Renaming {
  source: string;
  /** In how many routes and texts the step was named. */
  places: number;
}

export function renameStep(readable: Readable, step: FlowStep, to: string): Renaming {
  const source = setField(readable, step, "id", to);
  // Of two steps with one id, both are meant.
  const twice = allSteps(readable).filter(({ id }) => id === step.id).length > 1;
  return step.id === "" || twice ? { source, places: 0 } : renameReferences(source, { from: step.id, to });
}

const ID = /^[A-Za-z][A-Za-z0-9_-]*$/;

/** Why a step cannot be called so. */
export function idProblem(readable: Readable, step: FlowStep | undefined, id: string): string | undefined {
  if (!ID.test(id)) {
    return "Letters, digits, _ and -, beginning with a letter";
  }
  if (id === "continue" || ENDS.some((end) => end === id)) {
    return `“${id}” is what a route says`;
  }
  return allSteps(readable).some((other) => other.id === id && other.pointer !== step?.pointer)
    ? `There is another step “${id}”`
    : undefined;
}

/** `command`, and `command_2` where that is taken. */
export function freeId(taken: Iterable<string>, wish: string): string {
  const ids = new Set(taken);
  const [, base = wish] = /^(.*?)(?:_\d+)?$/.exec(wish) ?? [];
  let id = wish;
  for (let number = 2; ids.has(id) || ENDS.some((end) => end === id); number += 1) {
    id = `${base}_${number}`;
  }
  return id;
}

export function addBranch(readable: Readable, step: FlowStep): string {
  const path = readable.paths.get(`${step.pointer}/branches`) ?? placeOf(readable, step, "branches");
  return insertIn(readable.source, path, step.branches.length, { value: { steps: [] } });
}

export function removeBranch(readable: Readable, step: FlowStep, index: number): Removed {
  const branch = step.branches[index];
  if (!branch) {
    return { source: readable.source, routes: 0 };
  }
  const { routes } = removeSteps(readable, branch.list.steps);
  return { source: removeIn(readable.source, readable.paths.get(branch.pointer) ?? []), routes };
}

/** A branch that is only a list of steps gets fields of its own. */
export function renameBranch(readable: Readable, step: FlowStep, index: number, name: string): string {
  const path = readable.paths.get(`${step.pointer}/branches/${index}`);
  const branch = path && valueIn(readable.value, path);
  if (!path || branch === undefined) {
    return readable.source;
  }
  if (Array.isArray(branch)) {
    return name === "" ? readable.source : setIn(readable.source, path, { name, steps: branch });
  }
  return name === ""
    ? isRecord(branch) && "name" in branch
      ? removeIn(readable.source, [...path, "name"])
      : readable.source
    : setIn(readable.source, [...path, "name"], name, ["name"]);
}

/** What was written is read again; it came from something that could be read. */
export function reread(source: string): Readable {
  const parsed = parse(source);
  if (!("readable" in parsed)) {
    throw new Error(`an edit made a text that cannot be read: ${parsed.unreadable.message}`);
  }
  return parsed.readable;
}

/** The same step in a text that was changed without moving it. */
export const again = (readable: Readable, { pointer }: FlowStep): FlowStep => {
  const found = allSteps(readable).find((step) => step.pointer === pointer);
  if (!found) {
    throw new Error(`an edit lost the step at ${pointer}`);
  }
  return found;
};
