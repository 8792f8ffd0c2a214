/** Who can answer and delegate now, and if not, why: the same rules the server applies. */
import type { Approval, ApprovalDetail, Asked, Permission, RoleDescription, Scope, User } from "~/api/types";
import { APPROVAL_STATE } from "./words";

type Missing = (permission: Permission) => string | undefined;
type Known = Pick<
  ApprovalDetail,
  "state" | "may_answer" | "people" | "deadline" | "run_for" | "allow_self_approval"
>;

export function answerReason(
  approval: Known,
  me: Pick<User, "id">,
  missing: Missing,
  now: number,
): string | undefined {
  if (approval.may_answer) {
    return undefined;
  }
  const mine = approval.people.find(({ user_id }) => user_id === me.id);
  return (
    ended(approval, now) ??
    (mine?.decision ? "You have answered already, and an answer is not changed" : undefined) ??
    (excluded(approval).includes(me.id) ? OWN : undefined) ??
    (mine === undefined ? "You are not among those who were asked" : undefined) ??
    missing("workflows.manage") ??
    "Needs the permission workflows.manage where the workflow belongs"
  );
}

function ended({ state, deadline }: Pick<Approval, "state" | "deadline">, now: number): string | undefined {
  if (state !== "open") {
    return `It is ${APPROVAL_STATE[state].label.toLowerCase()} already`;
  }
  return Date.parse(deadline) <= now ? "The time to answer is over" : undefined;
}

const OWN = "You started it or what it tries again, or ran its schedule now: others answer";

/** Those because of whom it runs, where they do not answer. */
function excluded({ run_for, allow_self_approval }: Pick<Known, "run_for" | "allow_self_approval">) {
  return allow_self_approval ? [] : run_for;
}

/** What stands in the way of a decision, where some of those who were asked cannot answer any more. */
export function heldUp({ state, people, needed }: Pick<Approval, "state" | "people" | "needed">) {
  const silent = people.filter(({ decision }) => !decision);
  const able = silent.filter(({ cannot_answer }) => !cannot_answer).length;
  if (state !== "open" || able === silent.length) {
    return undefined;
  }
  const missing = needed - people.filter(({ decision }) => decision === "approve").length;
  return able < missing
    ? `It can no longer be approved as it is: ${missing} more must approve, and ${able} of those who were asked can still answer. Let somebody else answer for those who cannot.`
    : "Not all who were asked can still answer. Somebody else can answer for them.";
}

export function delegateReason(
  approval: Pick<Approval, "state" | "deadline">,
  asked: Pick<Asked, "decision" | "name">,
  missing: Missing,
  now: number,
): string | undefined {
  return (
    ended(approval, now) ??
    (asked.decision ? `${asked.name} has answered already` : undefined) ??
    missing("users.manage")
  );
}

type Place = Pick<Approval, "organization_id" | "department_id">;

/**
 * Those who can be asked in the place of somebody: active, of the tenant that all who were asked belong to, with
 * the right to manage workflows there, and not asked yet.
 */
export function replacements<Candidate extends Pick<User, "id" | "tenant_id" | "active" | "bindings">>(
  approval: Place & Pick<ApprovalDetail, "people" | "run_for" | "allow_self_approval">,
  { users, roles }: { users: readonly Candidate[]; roles: readonly RoleDescription[] },
): Candidate[] {
  const asked = new Set(approval.people.map(({ user_id }) => user_id));
  const tenant = users.find(({ id }) => asked.has(id))?.tenant_id;
  const taken = new Set([...asked, ...excluded(approval)]);
  const managing = roles
    .filter(({ permissions }) => permissions.includes("workflows.manage"))
    .map(({ role }) => role);
  return users.filter(
    (user) =>
      user.active &&
      !taken.has(user.id) &&
      (tenant === undefined || user.tenant_id === tenant) &&
      user.bindings.some(
        ({ role, scope }) => managing.includes(role) && contains(scope, approval, user.tenant_id),
      ),
  );
}

function contains(scope: Scope, { organization_id, department_id }: Place, tenant: number): boolean {
  switch (scope.kind) {
    case "cluster":
      return true;
    case "tenant":
      return scope.id === tenant;
    case "organization":
      return scope.id === organization_id;
    case "department":
      return scope.id === department_id;
  }
}
