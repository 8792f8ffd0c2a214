import { queryOptions } from "@tanstack/react-query";
import { api } from "~/api/client";
import type { ListQuery } from "~/api/list";
import { answer } from "~/api/problem";

export const jobKey = ["jobs"] as const;

export const jobList = (query: ListQuery) => answer(api.GET("/api/v1/jobs", { params: { query } }));

export const jobOptions = (id: number) =>
  queryOptions({
    queryKey: [...jobKey, "show", id],
    queryFn: () => answer(api.GET("/api/v1/jobs/{id}", { params: { path: { id } } })),
    refetchInterval: 5_000,
  });

export const outputOptions = (id: number, attempt: number) =>
  queryOptions({
    queryKey: [...jobKey, "output", id, attempt],
    queryFn: () =>
      answer(api.GET("/api/v1/jobs/{id}/output", { params: { path: { id }, query: { attempt } } })),
  });

/** For links: the browser itself loads these. */
export const eventsUrl = (id: number) => `/api/v1/jobs/${id}/events`;
export const downloadUrl = (id: number, stream: "stdout" | "stderr", attempt: number) =>
  `/api/v1/jobs/${id}/output/${stream}?attempt=${attempt}`;

export const executionKey = [...jobKey, "executions"] as const;

export const executionList = (query: ListQuery) =>
  answer(api.GET("/api/v1/executions", { params: { query } }));

const REFRESH_MS = 2_000;

/** Read again until all of its jobs are over. */
export const executionOptions = (id: number) =>
  queryOptions({
    queryKey: [...executionKey, "show", id],
    queryFn: () => answer(api.GET("/api/v1/executions/{id}", { params: { path: { id } } })),
    refetchInterval: (query) => (query.state.data?.finished ? false : REFRESH_MS),
  });

export const archiveUrl = (id: number, format: "zip" | "json") =>
  `/api/v1/executions/${id}/download/${format}`;
