/** Where somebody manages users, and what follows from it: the same rules the server applies. */
import type {
  Binding,
  Organization,
  OrganizationUpdate,
  RoleDescription,
  Scope,
  User,
  UserUpdate,
} from "~/api/types";

/** The scopes at which the bindings let somebody manage users. */
export function managedScopes(bindings: Binding[], roles: RoleDescription[]): Scope[] {
  const managing = roles.filter((one) => one.permissions.includes("users.manage")).map((one) => one.role);
  return bindings.filter((binding) => managing.includes(binding.role)).map((binding) => binding.scope);
}

export interface Managed {
  tenant: number;
  organization?: number;
}

/** Why users and departments cannot be managed there, or nothing when they can. */
export function manageReason(scopes: Scope[], place: Managed): string | undefined {
  const allowed = scopes.some(
    (scope) =>
      scope.kind === "cluster" ||
      (scope.kind === "tenant" && scope.id === place.tenant) ||
      (scope.kind === "organization" && scope.id === place.organization),
  );
  const where = place.organization === undefined ? "the whole tenant" : "this organization";
  return allowed ? undefined : `Needs the permission users.manage for ${where}`;
}

/** By its own name or that of one of its departments. */
export function nameMatches(organization: Organization, search: string): boolean {
  const wanted = search.trim().toLowerCase();
  return [organization, ...organization.departments].some((one) => one.name.toLowerCase().includes(wanted));
}

/** Only what was changed is sent, so that two people editing different things do not undo each other. */
export function organizationChanges(
  organization: Organization,
  edited: Pick<Organization, "name" | "renew_credentials">,
): OrganizationUpdate {
  const update: OrganizationUpdate = {};
  if (edited.name !== organization.name) {
    update.name = edited.name;
  }
  if (edited.renew_credentials !== organization.renew_credentials) {
    update.renew_credentials = edited.renew_credentials;
  }
  return update;
}

/** Only what was changed. An empty address takes it away. */
export function userChanges(
  user: Pick<User, "display_name" | "email">,
  edited: { display_name: string; email: string },
): UserUpdate {
  const name = edited.display_name.trim();
  const email = edited.email.trim();
  return {
    ...(name === user.display_name ? {} : { display_name: name }),
    ...(email === (user.email ?? "") ? {} : { email }),
  };
}
