/** Who can answer and delegate now, and if not, why: the same rules the server applies. */
import type { Approval, ApprovalDetail, Asked, Permission, RoleDescription, Scope, User } from "~/api/types";
import { APPROVAL_STATE } from "./words";

type Missing = (permission: Permission) => string | undefined;
type Known = Pick<Approval, "state" | "may_answer" | "people" | "deadline" | "started_by">;

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
    (mine === undefined ? stranger(approval, me) : undefined) ??
    missing("workflows.manage") ??
    "Needs the permission workflows.manage where the workflow belongs"
  );
}

function ended({ state, deadline }: Known, now: number): string | undefined {
  if (state !== "open") {
    return `It is ${APPROVAL_STATE[state].label.toLowerCase()} already`;
  }
  return Date.parse(deadline) <= now ? "The time to answer is over" : undefined;
}

function stranger({ started_by: by }: Known, me: Pick<User, "id">): string {
  return starterOf(by) === me.id
    ? "You started it, and you are not among those who were asked"
    : "You are not among those who were asked";
}

/** `user:5 (anna)`, `schedule:7 (nightly) for user:5 (anna)` */
export function starterOf(actor: string): number | undefined {
  const id = /(?:^| for )user:(\d+) \([^()]*\)$/.exec(actor)?.[1];
  return id === undefined ? undefined : Number(id);
}

export function delegateReason(
  approval: Pick<Approval, "state" | "deadline">,
  asked: Pick<Asked, "decision" | "name">,
  missing: Missing,
  now: number,
): string | undefined {
  return (
    ended({ ...approval, may_answer: false, people: [], started_by: "" }, now) ??
    (asked.decision ? `${asked.name} has answered already` : undefined) ??
    missing("users.manage")
  );
}

type Place = Pick<Approval, "organization_id" | "department_id">;

/** Those who can be asked in the place of somebody: active, with the right to manage workflows there, and not asked yet. */
export function replacements<Candidate extends Pick<User, "id" | "tenant_id" | "active" | "bindings">>(
  approval: Place & Pick<ApprovalDetail, "people" | "started_by" | "allow_self_approval">,
  from: Pick<Asked, "user_id">,
  { users, roles }: { users: readonly Candidate[]; roles: readonly RoleDescription[] },
): Candidate[] {
  const tenant = users.find(({ id }) => id === from.user_id)?.tenant_id;
  const taken = new Set(approval.people.map(({ user_id }) => user_id));
  const starter = starterOf(approval.started_by);
  if (starter !== undefined && !approval.allow_self_approval) {
    taken.add(starter);
  }
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
