import { queryOptions } from "@tanstack/react-query";
import { api } from "~/api/client";
import type { ListQuery } from "~/api/list";
import { answer } from "~/api/problem";

export const actionKey = ["actions"] as const;

export const actionList = (query: ListQuery) => answer(api.GET("/api/v1/actions", { params: { query } }));

/** At most as many at once as the server gives. */
const MOST = 500;

/** Actions to choose from, and to name. */
export const actionsOptions = queryOptions({
  queryKey: [...actionKey, "offer"],
  queryFn: async () => (await actionList({ limit: MOST })).items,
  staleTime: 10_000,
});

export const actionOptions = (id: number) =>
  queryOptions({
    queryKey: [...actionKey, "show", id],
    queryFn: () => answer(api.GET("/api/v1/actions/{id}", { params: { path: { id } } })),
  });

export const versionsKey = (id: number) => [...actionKey, "versions", id] as const;

/** The newest first. */
export const versionList = (id: number, query: ListQuery) =>
  answer(api.GET("/api/v1/actions/{id}/versions", { params: { path: { id }, query } }));

/** A version never changes. */
export const versionOptions = (id: number, version: number) =>
  queryOptions({
    queryKey: [...actionKey, "version", id, version],
    queryFn: () =>
      answer(api.GET("/api/v1/actions/{id}/versions/{version}", { params: { path: { id, version } } })),
    staleTime: Number.POSITIVE_INFINITY,
  });
