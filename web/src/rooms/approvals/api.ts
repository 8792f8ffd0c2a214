import { queryOptions } from "@tanstack/react-query";
import { api } from "~/api/client";
import type { ListQuery } from "~/api/list";
import { answer } from "~/api/problem";

export const approvalKey = ["approvals"] as const;

export const approvalList = (query: ListQuery) => answer(api.GET("/api/v1/approvals", { params: { query } }));

const REFRESH_MS = 3_000;

/** Read again as long as somebody may answer. */
export const approvalOptions = (id: number) =>
  queryOptions({
    queryKey: [...approvalKey, "show", id],
    queryFn: () => answer(api.GET("/api/v1/approvals/{id}", { params: { path: { id } } })),
    refetchInterval: (query) => (query.state.data && query.state.data.state !== "open" ? false : REFRESH_MS),
  });

/** More of them are not counted: nobody reads the number any more. */
export const COUNTED = 99;
const COUNT_MS = 10_000;

/** How many wait for whoever is signed in. */
export const waitingOptions = queryOptions({
  queryKey: [...approvalKey, "waiting"],
  queryFn: async () => (await approvalList({ limit: COUNTED + 1, filter: ["mine:true"] })).items.length,
  refetchInterval: COUNT_MS,
});
