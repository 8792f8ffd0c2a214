/** Who can answer and delegate now, and if not, why: the same rules the server applies. */
import type { Approval, Asked, Permission, User } from "~/api/types";
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

/** `user:5 (anna)` */
export function starterOf(actor: string): number | undefined {
  const id = /^user:(\d+)\b/.exec(actor)?.[1];
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
