import { describe, expect, it } from "vitest";
import type { Binding, Organization, Role, RoleDescription, Scope, User } from "~/api/types";
import { managedScopes, manageReason, nameMatches, organizationChanges, ownPasswordReason } from "./rules";

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

describe("one's own password", () => {
  const tenant: Scope = { kind: "tenant", id: 1 };
  const reason = (...bindings: Binding[]) => {
    const user: User = {
      id: 5,
      tenant_id: 1,
      username: "anna",
      display_name: "",
      active: true,
      created_at: "2026-11-01T00:00:00Z",
      bindings,
    };
    return ownPasswordReason(user, managed(...bindings));
  };

  it("is set by who manages the users of the tenant", () => {
    expect(reason(at("administrator", tenant))).toBeUndefined();
    expect(reason(at("site_administrator", { kind: "cluster" }))).toBeUndefined();
  });

  it("is not set by who manages less", () => {
    expect(reason(at("administrator", { kind: "organization", id: 10 }))).toMatch(/ask an administrator/);
    expect(reason(at("auditor", tenant))).toMatch(/ask an administrator/);
  });

  it("is not set by who holds a role beyond what they manage", () => {
    expect(reason(at("administrator", tenant), at("customer_support", { kind: "cluster" }))).toMatch(
      /ask a site administrator/,
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
