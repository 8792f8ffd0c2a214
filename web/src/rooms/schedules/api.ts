import { queryOptions } from "@tanstack/react-query";
import { api } from "~/api/client";
import type { ListQuery, Page } from "~/api/list";
import { answer } from "~/api/problem";
import type { CronTicks, Schedule } from "~/api/types";
import { monthSpan } from "./days";
import { splitFilter } from "./filters";

export const scheduleKey = ["schedules"] as const;
export const calendarKey = ["calendars"] as const;

const schedulePage = (query: ListQuery) => answer(api.GET("/api/v1/schedules", { params: { query } }));

/** At most as many at once as the server gives. */
const MOST = 500;

/** By what the server does not filter it is matched here, until there are enough, or no more. */
export async function scheduleList({ filter: wanted, ...rest }: ListQuery): Promise<Page<Schedule>> {
  const { asked, matches } = splitFilter(wanted ?? []);
  const query: ListQuery = asked.length > 0 ? { ...rest, filter: asked } : rest;
  if (!matches) {
    return schedulePage(query);
  }
  const items: Schedule[] = [];
  let cursor = query.cursor;
  do {
    const page = await schedulePage({ ...query, limit: MOST, ...(cursor ? { cursor } : {}) });
    items.push(...page.items.filter((schedule) => matches(schedule)));
    cursor = page.next_cursor ?? undefined;
  } while (cursor && items.length < query.limit);
  return { items, next_cursor: cursor };
}

export const scheduleOptions = (id: number) =>
  queryOptions({
    queryKey: [...scheduleKey, "show", id],
    queryFn: () => answer(api.GET("/api/v1/schedules/{id}", { params: { path: { id } } })),
    refetchInterval: 5_000,
  });

export const tickKey = (id: number) => [...scheduleKey, "ticks", id] as const;

export const tickList = (id: number, query: ListQuery) =>
  answer(api.GET("/api/v1/schedules/{id}/ticks", { params: { path: { id }, query } }));

/** The newest, for the view by month. */
export const newestTicksOptions = (id: number) =>
  queryOptions({
    queryKey: [...tickKey(id), "newest"],
    queryFn: () => tickList(id, { limit: MOST }),
    refetchInterval: 10_000,
  });

const PREVIEW_MS = 15_000;

/** The words of an expression and its next five ticks. What it was refused for stays until it is changed. */
export const cronOptions = (cron: string, zone: string) =>
  queryOptions({
    queryKey: [...scheduleKey, "cron", cron, zone],
    queryFn: () => answer(api.POST("/api/v1/schedules/preview", { body: { cron, zone } })),
    refetchInterval: (query) => (query.state.error ? false : PREVIEW_MS),
  });

const MINUTE_MS = 60_000;

/** Those that a month shows of the ticks to come. */
export function monthTicksOptions({ definition }: Pick<Schedule, "definition">, month: string) {
  const { cron, zone = "UTC", max_runs: most } = definition;
  return queryOptions({
    queryKey: [...scheduleKey, "month", cron, zone, Boolean(most), month],
    queryFn: async (): Promise<CronTicks> => {
      const span = monthSpan(month, Date.now(), Boolean(most));
      return span
        ? answer(api.POST("/api/v1/schedules/preview", { body: { cron, zone, ...span } }))
        : { text: "", ticks: [] };
    },
    refetchInterval: MINUTE_MS,
  });
}

export const calendarList = (query: ListQuery) => answer(api.GET("/api/v1/calendars", { params: { query } }));

/** To choose from: one page of them is all of them in practice. */
export const calendarsOptions = queryOptions({
  queryKey: [...calendarKey, "offer"],
  queryFn: async () => (await calendarList({ limit: MOST })).items,
  staleTime: 10_000,
});

export const calendarOptions = (id: number) =>
  queryOptions({
    queryKey: [...calendarKey, "show", id],
    queryFn: () => answer(api.GET("/api/v1/calendars/{id}", { params: { path: { id } } })),
    staleTime: 10_000,
  });
