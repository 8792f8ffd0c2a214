import { queryOptions } from "@tanstack/react-query";
import { api } from "~/api/client";
import { allItems, type ListQuery } from "~/api/list";
import { answer } from "~/api/problem";
import type { Targets } from "~/api/types";

export const agentKey = ["agents"] as const;
export const groupKey = ["groups"] as const;

export const agentList = (query: ListQuery) => answer(api.GET("/api/v1/agents", { params: { query } }));
export const groupList = (query: ListQuery) => answer(api.GET("/api/v1/groups", { params: { query } }));

export const agentOptions = (id: number) =>
  queryOptions({
    queryKey: [...agentKey, "show", id],
    queryFn: () => answer(api.GET("/api/v1/agents/{id}", { params: { path: { id } } })),
    refetchInterval: 5_000,
  });

/** To choose from. */
export const groupsOptions = queryOptions({
  queryKey: [...groupKey, "offer"],
  queryFn: () => allItems({}, groupList),
  staleTime: 30_000,
});

export const targetPreview = (body: Targets) => answer(api.POST("/api/v1/targets/preview", { body }));
