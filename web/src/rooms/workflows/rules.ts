/** What can be done with a workflow or an instance now, and if not, why: the same rules the server applies. */
import type { Instance, Permission, Workflow } from "~/api/types";
import { hasEnded, INSTANCE_STATE } from "./words";

type Missing = (permission: Permission) => string | undefined;

export interface WorkflowReasons {
  run: string | undefined;
  tryDraft: string | undefined;
  edit: string | undefined;
  publish: string | undefined;
}

export function workflowReasons(
  { version, draft_differs: differs }: Pick<Workflow, "version" | "draft_differs">,
  missing: Missing,
): WorkflowReasons {
  const manage = missing("workflows.manage");
  return {
    run: manage ?? (version ? undefined : "It is not published: publish its draft first, or try the draft"),
    tryDraft: manage,
    edit: manage,
    publish: manage ?? (differs ? undefined : `The draft says what version ${version} says`),
  };
}

export function cancelReason({ state }: Pick<Instance, "state">, missing: Missing): string | undefined {
  return (
    missing("workflows.manage") ??
    (hasEnded(state) ? `It is ${INSTANCE_STATE[state].label.toLowerCase()} already` : undefined)
  );
}

/** Why what failed is not tried again. */
export function retryReason(
  { state, parent_id: parent }: Pick<Instance, "state" | "parent_id">,
  missing: Missing,
): string | undefined {
  return (
    missing("workflows.manage") ??
    (parent ? `A step of instance ${parent} started it: retry that one` : undefined) ??
    (state === "completed"
      ? "It is completed: no step failed"
      : hasEnded(state)
        ? undefined
        : "It has not ended: cancel it first, or wait")
  );
}

export function rerunReason({ state }: Pick<Instance, "state">, missing: Missing): string | undefined {
  return (
    missing("workflows.manage") ??
    (hasEnded(state) ? undefined : "It has not ended: cancel it first, or wait")
  );
}
