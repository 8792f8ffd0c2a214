import { describe, expect, it } from "vitest";
import type { Approval, ApprovalDetail, Asked, RoleDescription, User } from "~/api/types";
import { answerReason, delegateReason, heldUp, replacements } from "./rules";
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
  run_for: [1, 4],
  deadline: "2026-11-29T13:00:00Z",
  needed: 1,
  people: [asked(2)],
  allow_self_approval: false,
  ...more,
});

describe("who cannot answer is told why", () => {
  const own = "You started it or what it tries again, or ran its schedule now: others answer";
  it.each<[string, Partial<ApprovalDetail>, number, string | undefined]>([
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
    ["starter", {}, 1, own],
    ["starter of what it tries again", {}, 4, own],
    ["starter who was asked", { people: [asked(1)] }, 1, own],
    ["starter who may", { allow_self_approval: true }, 1, "You are not among those who were asked"],
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

describe("where some cannot answer any more", () => {
  const off = (id: number) => asked(id, { cannot_answer: "is switched off" });

  it.each([
    ["all can", [asked(1), asked(2)], 2, /^$/],
    ["enough can", [off(1), asked(2)], 1, /^Not all who were asked can still answer/],
    ["too few can", [off(1), asked(2)], 2, /2 more must approve, and 1 of those who were asked can still/],
    ["one has approved", [asked(1, { decision: "approve" }), off(2)], 2, /1 more must approve, and 0 of/],
  ])("%s", (_, people, needed, told) => {
    expect(heldUp({ state: "open", people, needed }) ?? "").toMatch(told);
  });

  it("nothing is said of one that is over", () => {
    expect(heldUp({ state: "expired", people: [off(1)], needed: 1 })).toBeUndefined();
  });
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
    replacements({ ...approval(place), ...place }, { users: [from, candidate], roles });
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
    ["who started what it tries again", user(4, {})],
  ])("not %s", (_, candidate) => {
    expect(of(candidate, at)).toEqual([]);
  });

  it("whoever started it or what it tries again where the step says so", () => {
    const starters = [user(1, {}), user(4, {})];
    const own = { ...approval({ allow_self_approval: true }), ...at };
    expect(replacements(own, { users: [from, ...starters], roles })).toEqual(starters);
  });

  it("not one of another tenant where whoever is replaced is deleted", () => {
    const stranger = user(3, { scope: { kind: "cluster" } }, { tenant_id: 2 });
    const places = { ...approval({ people: [asked(9), asked(2)] }), ...at };
    expect(replacements(places, { users: [stranger, from], roles })).toEqual([]);
  });

  it("not one whose right ends below where it lies", () => {
    expect(of(user(3, { scope: { kind: "organization", id: 5 } }))).toEqual([]);
  });
});
