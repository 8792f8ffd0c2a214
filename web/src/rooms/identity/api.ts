import { queryOptions } from "@tanstack/react-query";
import { api } from "~/api/client";
import { allItems, type ListQuery, type Page } from "~/api/list";
import { answer } from "~/api/problem";
import type { Organization } from "~/api/types";
import { nameMatches } from "./rules";

export const userKey = ["users"] as const;
export const organizationKey = ["organizations"] as const;
export const tokenKey = ["tokens"] as const;

export const userList = (query: ListQuery) => answer(api.GET("/api/v1/users", { params: { query } }));
export const tokenList = (query: ListQuery) => answer(api.GET("/api/v1/tokens", { params: { query } }));

const organizationPage = (query: ListQuery) =>
  answer(api.GET("/api/v1/organizations", { params: { query } }));

/** The server does not search organizations; they are few, so all are read and matched, departments included. */
export async function organizationList({ search, ...query }: ListQuery): Promise<Page<Organization>> {
  if (!search) {
    return organizationPage(query);
  }
  const all = await allItems({ sort: query.sort }, organizationPage);
  return { items: all.filter((organization) => nameMatches(organization, search)) };
}

/** All whom the caller may see, to choose from and to name. */
export const usersOptions = queryOptions({
  queryKey: [...userKey, "offer"],
  queryFn: () => allItems({}, userList),
  staleTime: 10_000,
});

/** Few and slow to change. */
export const organizationsOptions = queryOptions({
  queryKey: organizationKey,
  queryFn: () => allItems({}, organizationPage),
  staleTime: 60_000,
});

export const rolesOptions = queryOptions({
  queryKey: ["roles"],
  queryFn: () => answer(api.GET("/api/v1/roles")),
  staleTime: Number.POSITIVE_INFINITY,
});
