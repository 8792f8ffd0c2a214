/** Who is signed in, and what they may do. */
import { type QueryClient, queryOptions, useQuery } from "@tanstack/react-query";
import { api, setCsrfToken } from "~/api/client";
import { ApiProblem, answer } from "~/api/problem";
import type { Permission, Session } from "~/api/types";

/** As the server says it now; nobody is `null`. */
export async function readSession(): Promise<Session | null> {
  try {
    return await answer(api.GET("/api/v1/session"));
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 401) {
      return null;
    }
    throw error;
  }
}

export const sessionOptions = queryOptions({
  queryKey: ["session"],
  queryFn: async ({ client }) => {
    const session = await readSession();
    setCsrfToken(session?.csrf_token);
    if (session) {
      own(client, session);
    }
    return session;
  },
  staleTime: Number.POSITIVE_INFINITY,
  gcTime: Number.POSITIVE_INFINITY,
  refetchOnWindowFocus: false,
});

/** For whom what is in a cache was read. */
const owners = new WeakMap<QueryClient, number>();

/** What was read for somebody else is forgotten. */
function own(client: QueryClient, { user }: Session): void {
  const before = owners.get(client);
  owners.set(client, user.id);
  if (before !== undefined && before !== user.id) {
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionOptions.queryKey[0] });
  }
}

export function enterSession(client: QueryClient, session: Session): void {
  setCsrfToken(session.csrf_token);
  own(client, session);
  client.setQueryData(sessionOptions.queryKey, session);
}

/** Forgets everything that was read for the user who left. */
export function leaveSession(client: QueryClient): void {
  setCsrfToken(undefined);
  client.clear();
  client.setQueryData(sessionOptions.queryKey, null);
}

/** The session; only for pages behind the sign-in. */
export function useSession(): Session {
  const { data } = useQuery(sessionOptions);
  const last = data ?? EMPTY;
  return last;
}

/** Between the end of a session and the sign-in page a page may be drawn once more. */
const EMPTY: Session = {
  user: {
    id: 0,
    tenant_id: 0,
    username: "",
    display_name: "",
    active: false,
    created_at: "1970-01-01T00:00:00Z",
    bindings: [],
  },
  permissions: [],
  expires_at: "1970-01-01T00:00:00Z",
};

/** Gives the reason why something is not possible, or nothing when it is. */
export function useMissing(): (permission: Permission) => string | undefined {
  const { permissions } = useSession();
  return (permission) =>
    permissions.includes(permission) ? undefined : `Needs the permission ${permission}`;
}
