import { queryOptions } from "@tanstack/react-query";
import { api } from "~/api/client";
import { allItems, type ListQuery } from "~/api/list";
import { answer } from "~/api/problem";
import type { Language, ScriptProblem } from "~/api/types";

export const scriptKey = ["scripts"] as const;

export const scriptList = (query: ListQuery) => answer(api.GET("/api/v1/scripts", { params: { query } }));

export const scriptOptions = (id: number) =>
  queryOptions({
    queryKey: [...scriptKey, "show", id],
    queryFn: () => answer(api.GET("/api/v1/scripts/{id}", { params: { path: { id } } })),
  });

/** At most as many at once as the server gives. */
const MOST = 500;

/** Saved scripts to choose from, and to name. */
export const scriptsOptions = queryOptions({
  queryKey: [...scriptKey, "offer"],
  queryFn: async () => (await scriptList({ limit: MOST, filter: ["kind:script"] })).items,
  staleTime: 10_000,
});

export const librariesOptions = (language: Language) =>
  queryOptions({
    queryKey: [...scriptKey, "libraries", language],
    queryFn: () => allItems({ filter: ["kind:library", `language:${language}`] }, scriptList),
    staleTime: 10_000,
  });

export const versionsKey = (id: number) => [...scriptKey, "versions", id] as const;

/** The newest first. */
export const versionList = (id: number, query: ListQuery) =>
  answer(api.GET("/api/v1/scripts/{id}/versions", { params: { path: { id }, query } }));

/** A version never changes. */
export const versionOptions = (id: number, version: number) =>
  queryOptions({
    queryKey: [...scriptKey, "version", id, version],
    queryFn: () =>
      answer(api.GET("/api/v1/scripts/{id}/versions/{version}", { params: { path: { id, version } } })),
    staleTime: Number.POSITIVE_INFINITY,
  });

export async function checkCode(language: Language, content: string): Promise<ScriptProblem[]> {
  return (await answer(api.POST("/api/v1/scripts/check", { body: { language, content } }))).problems;
}
