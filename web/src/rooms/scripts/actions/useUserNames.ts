import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useMissing, useSession } from "~/app/session";
import { usersOptions } from "~/rooms/identity/api";

/** Names by id, as far as whoever looks may see them: everybody knows themselves. */
export function useUserNames(): ReadonlyMap<number, string> {
  const { user } = useSession();
  const reason = useMissing()("users.manage");
  const { data = NOBODY } = useQuery({ ...usersOptions, enabled: reason === undefined });
  return useMemo(() => new Map([user, ...data].map(({ id, username }) => [id, username])), [user, data]);
}

const NOBODY: [] = [];
