import { queryOptions } from "@tanstack/react-query";
import { api } from "~/api/client";
import type { ListQuery } from "~/api/list";
import { answer } from "~/api/problem";
import type { Attempt } from "~/api/types";

export const jobKey = ["jobs"] as const;

export const jobList = (query: ListQuery) => answer(api.GET("/api/v1/jobs", { params: { query } }));

export const jobOptions = (id: number) =>
  queryOptions({
    queryKey: [...jobKey, "show", id],
    queryFn: () => answer(api.GET("/api/v1/jobs/{id}", { params: { path: { id } } })),
    refetchInterval: 5_000,
  });

/** What the job tells of an attempt’s output: when this changes the server has other output, also after the end. */
export type OutputFacts = Pick<Attempt, "stdout_bytes" | "stderr_bytes" | "late">;

export const outputOptions = (id: number, attempt: number, facts: OutputFacts | undefined) =>
  queryOptions({
    queryKey: [
      ...jobKey,
      "output",
      id,
      attempt,
      facts?.stdout_bytes ?? 0,
      facts?.stderr_bytes ?? 0,
      facts?.late?.received_at ?? null,
    ],
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
