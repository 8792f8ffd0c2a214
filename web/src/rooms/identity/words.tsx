import type { Organization, Permission, Role, Scope } from "~/api/types";

export const ROLE: Record<Role, string> = {
  site_administrator: "Site administrator",
  customer_support: "Customer support",
  tenant_owner: "Tenant owner",
  administrator: "Administrator",
  operator: "Operator",
  approver: "Approver",
  auditor: "Auditor",
  agent_installer: "Agent installer",
};

export const PERMISSION: Record<Permission, string> = {
  "jobs.view": "See jobs and their output",
  "jobs.manage": "Run, cancel, retry and delete jobs",
  "scripts.view": "See scripts, libraries and their history",
  "scripts.manage": "Edit and run scripts",
  "workflows.view": "See workflows, their instances and approvals",
  "workflows.manage": "Edit and start workflows, answer approvals",
  "agents.view": "See agents",
  "agents.manage": "Edit, revoke and delete agents",
  "agents.install": "Add agents and make enrolment tokens",
  "audit.view": "Read the audit trail",
  "users.manage": "Manage users, roles and organizations",
  "settings.manage": "Manage webhooks and e-mail",
};

export const ROLES = Object.keys(ROLE) as Role[];
export const PERMISSIONS = Object.keys(PERMISSION) as Permission[];

/** Where a role can be given; the server refuses the rest. */
export function bindableAt(role: Role, scope: Scope): boolean {
  switch (role) {
    case "site_administrator":
    case "customer_support":
      return scope.kind === "cluster";
    case "tenant_owner":
      return scope.kind === "tenant";
    default:
      return scope.kind !== "cluster";
  }
}

export interface Place {
  scope: Scope;
  label: string;
}

/** Every place there is, from wide to narrow. */
export function places(tenant: number, organizations: Organization[]): Place[] {
  return [
    { scope: { kind: "cluster" }, label: "Whole cluster" },
    { scope: { kind: "tenant", id: tenant }, label: "Whole tenant" },
    ...organizations.flatMap((one): Place[] => [
      { scope: { kind: "organization", id: one.id }, label: `Organization ${one.name}` },
      ...one.departments.map(
        (department): Place => ({
          scope: { kind: "department", id: department.id },
          label: `Department ${one.name} / ${department.name}`,
        }),
      ),
    ]),
  ];
}

export const scopeKey = (scope: Scope): string =>
  scope.kind === "cluster" ? "cluster" : `${scope.kind}:${scope.id}`;

export function scopeText(scope: Scope, all: Place[]): string {
  const key = scopeKey(scope);
  return all.find((place) => scopeKey(place.scope) === key)?.label ?? key.replace(":", " ");
}
