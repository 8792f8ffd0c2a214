/** What the steps of a workflow do and where each leads, in words. */
import type { WorkflowStep } from "~/api/types";
import { span } from "~/ui/format";
import { APPROVAL_TYPE } from "./words";

export interface Route {
  when: "success" | "failure" | "true" | "false";
  to: { step: string } | { end: "completed" | "failed" | "cancelled" };
}

const ENDS = ["completed", "failed", "cancelled"] as const;

/** Where the step at this place of its list leads. Inside a branch, the ends are those of the branch. */
export function routesOf(steps: WorkflowStep[], index: number): Route[] {
  const step = steps[index];
  if (!step) {
    return [];
  }
  const following = steps[index + 1];
  const to = (route: string): Route["to"] => {
    const end = ENDS.find((one) => one === route);
    if (end) {
      return { end };
    }
    if (route !== "continue") {
      return { step: route };
    }
    return following ? { step: following.id } : { end: "completed" };
  };
  const failure: Route[] = canFail(step) ? [{ when: "failure", to: to(step.on_failure ?? "failed") }] : [];
  return step.type === "conditional"
    ? [{ when: "true", to: to(step.on_true) }, { when: "false", to: to(step.on_false) }, ...failure]
    : [{ when: "success", to: to(step.on_success ?? "continue") }, ...failure];
}

/** A delay fails at nothing; where one says what then, that is shown, to be taken away. */
export const canFail = (step: WorkflowStep): boolean =>
  step.type !== "delay" || (step.on_failure ?? undefined) !== undefined;

interface Place {
  /** Id of the step. */
  step: string;
  /** What of it: `approvers`, `branches[0]`. */
  field: string;
}

/** What a pointer into the definition is about, when that is a step. */
export function placeIn(steps: readonly WorkflowStep[], pointer: string): Place | undefined {
  const [, index, rest = ""] = /^\/steps\/(\d+)(\/.*)?$/.exec(pointer) ?? [];
  const step = index === undefined ? undefined : steps[Number(index)];
  if (!step) {
    return undefined;
  }
  const [, branch, below = ""] = /^\/branches\/(\d+)(\/steps\/\d+.*)$/.exec(rest) ?? [];
  const inner =
    step.type === "parallel" && branch !== undefined
      ? placeIn(step.branches[Number(branch)]?.steps ?? [], below)
      : undefined;
  return (
    inner ?? {
      step: step.id,
      field: rest
        .slice(1)
        .replaceAll(/\/(\d+)/g, "[$1]")
        .replaceAll("/", "."),
    }
  );
}

/** One line that tells what a step does. */
export function stepSummary(step: WorkflowStep): string {
  switch (step.type) {
    case "script":
      return named(step.script, step.script_id) + (step.version ? `, version ${step.version}` : "");
    case "command":
      return step.command ?? (step.argv ?? []).join(" ");
    case "http_request":
      return `${step.method ?? "GET"} ${step.url}`;
    case "action":
      return named(step.action, step.action_id);
    case "approval":
      return `${step.title} (${APPROVAL_TYPE[step.approval_type]}: ${step.approvers.join(", ")})`;
    case "conditional":
      return step.condition;
    case "delay":
      return span((step.hours ?? 0) * 3_600 + (step.minutes ?? 0) * 60 + (step.seconds ?? 0));
    case "notify":
      return `${step.title} (to ${step.to.join(", ")})`;
    case "parallel":
      return `${step.branches.length} branches at the same time`;
    case "workflow":
      return named(step.workflow, step.workflow_id);
  }
}

function named(name: string | null | undefined, id: number | null | undefined): string {
  return name || (typeof id === "number" ? `number ${id}` : "not chosen yet");
}

/** Where and how, as far as the step says so itself. */
export function stepFacts(step: WorkflowStep): string[] {
  const facts: string[] = [];
  if ("timeout_seconds" in step && step.timeout_seconds) {
    facts.push(`${limited(step.type)} up to ${span(step.timeout_seconds)}`);
  }
  if ("retries" in step && step.retries) {
    facts.push(`up to ${step.retries.count} retries`);
  }
  if ("continue_on" in step && step.continue_on) {
    facts.push(enough(step.continue_on));
  }
  if ("run_as_user" in step && step.run_as_user) {
    facts.push(`as ${step.run_as_user}`);
  }
  if (step.type === "parallel" && step.on_branch_failure === "cancel") {
    facts.push("one that fails cancels the others");
  }
  return facts;
}

/** What the time of a step is the time of. */
function limited(type: WorkflowStep["type"]): string {
  if (type === "parallel") {
    return "all branches";
  }
  return type === "workflow" ? "each try" : "each job";
}

function enough(continueOn: unknown): string {
  if (continueOn === "any") {
    return "enough when one host succeeds";
  }
  const percent =
    typeof continueOn === "object" && continueOn !== null && "percent" in continueOn
      ? continueOn.percent
      : undefined;
  return percent === undefined
    ? "enough when all hosts succeed"
    : `enough when ${percent} % of the hosts succeed`;
}
