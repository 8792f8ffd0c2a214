import { queryOptions } from "@tanstack/react-query";
import { api } from "~/api/client";
import type { ListQuery, Page } from "~/api/list";
import { answer } from "~/api/problem";
import type { Schedule } from "~/api/types";
import { matchesAll } from "./filters";

export const scheduleKey = ["schedules"] as const;
export const calendarKey = ["calendars"] as const;

const schedulePage = (query: ListQuery) => answer(api.GET("/api/v1/schedules", { params: { query } }));

/** At most as many at once as the server gives. */
const MOST = 500;

/** The server does not filter schedules: they are read and matched here until there are enough, or no more. */
export async function scheduleList({ filter, ...query }: ListQuery): Promise<Page<Schedule>> {
  if (!filter) {
    return schedulePage(query);
  }
  const items: Schedule[] = [];
  let cursor = query.cursor;
  do {
    const page = await schedulePage({ ...query, limit: MOST, ...(cursor ? { cursor } : {}) });
    items.push(...page.items.filter((schedule) => matchesAll(schedule, filter)));
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
