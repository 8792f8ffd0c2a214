import { useQuery } from "@tanstack/react-query";
import { useMissing, useSession } from "~/app/session";
import { rolesOptions } from "./api";
import { type Managed, managedScopes, manageReason } from "./rules";

/** Gives the reason why something about users or organizations is not possible, or nothing when it is. */
export function useManaged() {
  const { user } = useSession();
  const missing = useMissing();
  const { data: roles } = useQuery(rolesOptions);
  const scopes = roles && managedScopes(user.bindings, roles);
  return {
    /** Until the roles are known, only whether users are managed anywhere. */
    manage: (place: Managed) => missing("users.manage") ?? (scopes && manageReason(scopes, place)),
  };
}
