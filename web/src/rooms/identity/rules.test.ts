import { describe, expect, it } from "vitest";
import type { Binding, Organization, Role, RoleDescription, Scope } from "~/api/types";
import { managedScopes, manageReason, nameMatches, organizationChanges, userChanges } from "./rules";

const ROLES: RoleDescription[] = [
  { role: "site_administrator", permissions: ["users.manage", "agents.view"] },
  { role: "administrator", permissions: ["users.manage", "agents.view"] },
  { role: "customer_support", permissions: ["agents.view"] },
  { role: "auditor", permissions: ["audit.view"] },
];

const ORGANIZATION: Organization = {
  id: 10,
  tenant_id: 1,
  name: "Factory",
  renew_credentials: true,
  departments: [{ id: 100, name: "Paint-Shop" }],
};

const at = (role: Role, scope: Scope): Binding => ({ id: 1, role, scope });
const managed = (...bindings: Binding[]) => managedScopes(bindings, ROLES);

describe("managing an organization", () => {
  const place = { tenant: 1, organization: 10 };

  it.each<[string, Scope, boolean]>([
    ["the cluster", { kind: "cluster" }, true],
    ["its tenant", { kind: "tenant", id: 1 }, true],
    ["another tenant", { kind: "tenant", id: 2 }, false],
    ["itself", { kind: "organization", id: 10 }, true],
    ["another organization", { kind: "organization", id: 11 }, false],
    ["its department", { kind: "department", id: 100 }, false],
  ])("by a role at %s", (_, scope, allowed) => {
    expect(manageReason(managed(at("administrator", scope)), place) === undefined).toBe(allowed);
  });

  it("needs a role that manages users", () => {
    expect(manageReason(managed(at("auditor", { kind: "tenant", id: 1 })), place)).toBe(
      "Needs the permission users.manage for this organization",
    );
  });

  it("a new one needs the whole tenant", () => {
    const scopes = managed(at("administrator", { kind: "organization", id: 10 }));
    expect(manageReason(scopes, { tenant: 1 })).toBe(
      "Needs the permission users.manage for the whole tenant",
    );
  });
});

describe("searching organizations", () => {
  it.each([
    ["fact", true],
    [" FACTORY ", true],
    ["paint", true],
    ["office", false],
  ])("%j: %s", (search, found) => {
    expect(nameMatches(ORGANIZATION, search)).toBe(found);
  });
});

describe("editing an organization", () => {
  it("sends only what was changed", () => {
    expect(organizationChanges(ORGANIZATION, { name: "Factory", renew_credentials: true })).toEqual({});
    expect(organizationChanges(ORGANIZATION, { name: "Plant", renew_credentials: true })).toEqual({
      name: "Plant",
    });
    expect(organizationChanges(ORGANIZATION, { name: "Factory", renew_credentials: false })).toEqual({
      renew_credentials: false,
    });
  });
});

it("only what was changed of a user is sent, and an empty address takes it away", () => {
  const user = { display_name: "Anna", email: "anna@example.com" };
  expect(userChanges(user, { display_name: "Anna ", email: " anna@example.com" })).toEqual({});
  expect(userChanges(user, { display_name: "Anna", email: "" })).toEqual({ email: "" });
  expect(userChanges({ display_name: "" }, { display_name: "A", email: "" })).toEqual({ display_name: "A" });
});
