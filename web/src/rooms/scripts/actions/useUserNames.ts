import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { allItems } from "~/api/list";
import { useMissing, useSession } from "~/app/session";
import { userKey, userList } from "~/rooms/identity/api";

/** Names by id, as far as whoever looks may see them: everybody knows themselves. */
export function useUserNames(): ReadonlyMap<number, string> {
  const { user } = useSession();
  const reason = useMissing()("users.manage");
  const { data = NOBODY } = useQuery({
    queryKey: [...userKey, "offer"],
    queryFn: () => allItems({}, userList),
    staleTime: 10_000,
    enabled: reason === undefined,
  });
  return useMemo(() => new Map([user, ...data].map(({ id, username }) => [id, username])), [user, data]);
}

const NOBODY: [] = [];
