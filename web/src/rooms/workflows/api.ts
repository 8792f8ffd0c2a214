import { queryOptions } from "@tanstack/react-query";
import { api } from "~/api/client";
import type { ListQuery } from "~/api/list";
import { ApiProblem, answer } from "~/api/problem";
import type { StepRun } from "~/api/types";
import { type Checked, unreadable, type Variables } from "./problems";
import { hasEnded } from "./words";

export const workflowKey = ["workflows"] as const;

export const workflowList = (query: ListQuery) => answer(api.GET("/api/v1/workflows", { params: { query } }));

export const workflowOptions = (id: number) =>
  queryOptions({
    queryKey: [...workflowKey, "show", id],
    queryFn: () => answer(api.GET("/api/v1/workflows/{id}", { params: { path: { id } } })),
  });

export const versionsKey = (id: number) => [...workflowKey, "versions", id] as const;

/** The newest first. */
export const versionList = (id: number, query: ListQuery) =>
  answer(api.GET("/api/v1/workflows/{id}/versions", { params: { path: { id }, query } }));

/** A version never changes. */
export const versionOptions = (id: number, version: number) =>
  queryOptions({
    queryKey: [...workflowKey, "version", id, version],
    queryFn: () =>
      answer(api.GET("/api/v1/workflows/{id}/versions/{version}", { params: { path: { id, version } } })),
    staleTime: Number.POSITIVE_INFINITY,
  });

/** Servers of an older version do not give them. */
const variablesOf = (checked: object): Variables =>
  "variables" in checked ? (checked.variables as Variables) : {};

/** What is wrong with a text; one that is no YAML is wrong as a whole. */
export const checkOptions = (source: string) =>
  queryOptions({
    queryKey: ["workflow-checks", source],
    queryFn: async (): Promise<Checked> => {
      try {
        const checked = await answer(api.POST("/api/v1/workflow-checks", { body: { source } }));
        // What reads YAML comes with the editor, and lists do without both.
        const { placed } = await import("./placed");
        return placed(source, checked.problems, variablesOf(checked));
      } catch (error) {
        if (error instanceof ApiProblem && error.fields.some(({ field }) => field === "source")) {
          return unreadable(source, error.fields);
        }
        throw error;
      }
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 30_000,
  });

/** Ready ones to begin with. They come with the server, and do not change while it runs. */
export const templatesOptions = queryOptions({
  queryKey: ["workflow-templates"],
  queryFn: async () => (await answer(api.GET("/api/v1/workflow-templates"))).items,
  staleTime: Number.POSITIVE_INFINITY,
});

/** At most as many at once as the server gives. */
const MOST = 500;

/** Workflows to choose from, and to name. */
export const workflowsOptions = queryOptions({
  queryKey: [...workflowKey, "offer"],
  queryFn: async () => (await workflowList({ limit: MOST })).items,
  staleTime: 10_000,
});

/** Beside the workflows, so that what is read again every few seconds takes nothing else with it. */
export const instanceKey = ["instances"] as const;

export const instanceList = (query: ListQuery) => answer(api.GET("/api/v1/instances", { params: { query } }));

export const REFRESH_MS = 2_000;

export const watchUrl = (id: number) => `/api/v1/instances/${id}/watch`;

/** Nobody is told when that changes. */
const waitsForHosts = (run: StepRun): boolean => Boolean(run.execution_id) && !run.outcome;

/** Read again until it has ended, unless somebody is told when there is something to read. */
export const instanceOptions = (id: number, live = false) =>
  queryOptions({
    queryKey: [...instanceKey, "show", id],
    queryFn: () => answer(api.GET("/api/v1/instances/{id}", { params: { path: { id } } })),
    refetchInterval: ({ state: { data } }) => {
      const quiet = data ? hasEnded(data.state) || (live && !data.runs.some(waitsForHosts)) : live;
      return quiet ? false : REFRESH_MS;
    },
  });

export const eventList = (id: number, query: ListQuery) =>
  answer(api.GET("/api/v1/instances/{id}/events", { params: { path: { id }, query } }));
