import { queryOptions } from "@tanstack/react-query";
import { api } from "~/api/client";
import type { ListQuery } from "~/api/list";
import { answer } from "~/api/problem";

export const agentKey = ["agents"] as const;

export const agentList = (query: ListQuery) => answer(api.GET("/api/v1/agents", { params: { query } }));

export const agentOptions = (id: number) =>
  queryOptions({
    queryKey: [...agentKey, "show", id],
    queryFn: () => answer(api.GET("/api/v1/agents/{id}", { params: { path: { id } } })),
    refetchInterval: 5_000,
  });
