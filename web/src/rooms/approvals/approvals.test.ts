import { describe, expect, it } from "vitest";
import type { Approval, ApprovalDetail, Asked, RoleDescription, User } from "~/api/types";
import { answerReason, delegateReason, replacements, starterOf } from "./rules";
import { progressWords } from "./words";

const allowed = () => undefined;
const refused = (permission: string) => `Needs the permission ${permission}`;
const NOW = Date.parse("2026-11-29T12:00:00Z");

const asked = (user_id: number, more: Partial<Asked> = {}): Asked => ({
  user_id,
  name: `user-${user_id}`,
  ...more,
});

const approval = (more: Partial<ApprovalDetail> = {}) => ({
  state: "open" as const,
  may_answer: false,
  started_by: "user:1 (admin)",
  deadline: "2026-11-29T13:00:00Z",
  needed: 1,
  people: [asked(2)],
  allow_self_approval: false,
  ...more,
});

describe("who cannot answer is told why", () => {
  it.each<[string, Partial<Approval>, number, string | undefined]>([
    ["may", { may_answer: true }, 2, undefined],
    ["over", { state: "approved" }, 2, "It is approved already"],
    ["late", { deadline: "2026-11-29T12:00:00Z" }, 2, "The time to answer is over"],
    [
      "twice",
      { people: [asked(2, { decision: "reject" })] },
      2,
      "You have answered already, and an answer is not changed",
    ],
    ["stranger", {}, 3, "You are not among those who were asked"],
    ["starter", {}, 1, "You started it, and you are not among those who were asked"],
  ])("%s", (_, more, id, reason) => {
    expect(answerReason(approval(more), { id }, allowed, NOW)).toBe(reason);
  });

  it("by the permission that is missing", () => {
    expect(answerReason(approval(), { id: 2 }, refused, NOW)).toBe("Needs the permission workflows.manage");
  });
});

it("only who has not answered is replaced, by who manages users", () => {
  expect(delegateReason(approval(), asked(2), allowed, NOW)).toBeUndefined();
  expect(delegateReason(approval(), asked(2), refused, NOW)).toBe("Needs the permission users.manage");
  expect(delegateReason(approval(), asked(2, { decision: "approve" }), allowed, NOW)).toBe(
    "user-2 has answered already",
  );
  expect(delegateReason(approval({ state: "expired" }), asked(2), allowed, NOW)).toBe(
    "It is expired already",
  );
});

it("the starter is read from how the server names them", () => {
  expect(starterOf("user:12 (anna)")).toBe(12);
  expect(starterOf("schedule:7 (nightly) for user:5 (anna)")).toBe(5);
  expect(starterOf("schedule:3")).toBeUndefined();
});

it("how far it is", () => {
  const people = [asked(1, { decision: "approve" }), asked(2, { decision: "reject" }), asked(3)];
  expect(progressWords({ people, needed: 2 })).toBe("1 of 2 needed, 1 against");
  expect(progressWords({ people: [asked(1)], needed: 1 })).toBe("0 of 1 needed");
});

describe("who can be asked in the place of somebody", () => {
  const roles: RoleDescription[] = [
    { role: "approver", permissions: ["workflows.view", "workflows.manage"] },
    { role: "auditor", permissions: ["workflows.view"] },
  ];
  const user = (id: number, binding: Partial<User["bindings"][number]>, more: Partial<User> = {}) => ({
    id,
    tenant_id: 1,
    active: true,
    bindings: [{ id: 1, role: "approver" as const, scope: { kind: "tenant" as const, id: 1 }, ...binding }],
    ...more,
  });
  const from = user(2, {});
  const of = (candidate: ReturnType<typeof user>, place: Partial<Approval> = {}) =>
    replacements({ ...approval(place), ...place }, { user_id: 2 }, { users: [from, candidate], roles });
  const at = { organization_id: 5, department_id: 7 };

  it.each([
    ["everywhere", user(3, { scope: { kind: "cluster" } })],
    ["in the tenant", user(3, {})],
    ["in the organization", user(3, { scope: { kind: "organization", id: 5 } })],
    ["in the department", user(3, { scope: { kind: "department", id: 7 } })],
  ])("one who may %s", (_, candidate) => {
    expect(of(candidate, at)).toEqual([candidate]);
  });

  it.each([
    ["an auditor", user(3, { role: "auditor" })],
    ["one of another organization", user(3, { scope: { kind: "organization", id: 6 } })],
    ["one of another tenant", user(3, { scope: { kind: "cluster" } }, { tenant_id: 2 })],
    ["one who is switched off", user(3, {}, { active: false })],
    ["who started it", user(1, {})],
  ])("not %s", (_, candidate) => {
    expect(of(candidate, at)).toEqual([]);
  });

  it("whoever started it where the step says so", () => {
    const [starter, people] = [user(1, {}), { users: [from, user(1, {})], roles }];
    const own = { ...approval({ allow_self_approval: true }), ...at };
    expect(replacements(own, { user_id: 2 }, people)).toEqual([starter]);
  });

  it("not one whose right ends below where it lies", () => {
    expect(of(user(3, { scope: { kind: "organization", id: 5 } }))).toEqual([]);
  });
});
