import { queryOptions } from "@tanstack/react-query";
import { api } from "~/api/client";
import type { ListQuery } from "~/api/list";
import { answer } from "~/api/problem";

export const userKey = ["users"] as const;
export const tokenKey = ["tokens"] as const;

export const userList = (query: ListQuery) => answer(api.GET("/api/v1/users", { params: { query } }));
export const tokenList = (query: ListQuery) => answer(api.GET("/api/v1/tokens", { params: { query } }));

/** Few and slow to change: one page of them is all of them in practice. */
export const organizationsOptions = queryOptions({
  queryKey: ["organizations"],
  queryFn: async () =>
    (await answer(api.GET("/api/v1/organizations", { params: { query: { limit: 500 } } }))).items,
  staleTime: 60_000,
});

export const rolesOptions = queryOptions({
  queryKey: ["roles"],
  queryFn: () => answer(api.GET("/api/v1/roles")),
  staleTime: Number.POSITIVE_INFINITY,
});
