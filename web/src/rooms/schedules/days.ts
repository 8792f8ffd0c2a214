/** What a month shows: ticks that were, ticks that come, and days on which a blackout calendar lets nothing begin. */
import type { CalendarEntry, Schedule, ScheduleTick, TickFate, Weekday } from "~/api/types";
import { addDays, weekdayOf, weeksOf } from "~/ui/month";
import { wallOf } from "./when/zones";

export type Mark = "ran" | "failed" | "passed" | "coming";

const MARK: Record<TickFate, Mark> = {
  ran: "ran",
  run_now: "ran",
  failed: "failed",
  missed: "passed",
  overlap: "passed",
  blackout: "passed",
  replaced: "passed",
};

export interface Day {
  counts: Record<Mark, number>;
  ticks: ScheduleTick[];
  coming: string[];
}

/** By day in the schedule's zone. */
export function daysOf(ticks: ScheduleTick[], coming: string[], zone: string): Map<string, Day> {
  const days = new Map<string, Day>();
  const at = (iso: string): Day => {
    const date = wallOf(iso, zone)?.date ?? iso.slice(0, 10);
    const day = days.get(date) ?? {
      counts: { ran: 0, failed: 0, passed: 0, coming: 0 },
      ticks: [],
      coming: [],
    };
    days.set(date, day);
    return day;
  };
  for (const tick of ticks) {
    const day = at(tick.at);
    day.ticks.push(tick);
    // A record of missed ticks stands for all of them.
    day.counts[MARK[tick.fate]] += Math.max(1, tick.ticks);
  }
  for (const tick of coming) {
    const day = at(tick);
    day.coming.push(tick);
    day.counts.coming += 1;
  }
  return days;
}

/** Of the next ticks of an expression those that a schedule has, as far as its own limits tell. */
export function comingTicks(
  { paused, next_at: next, runs, definition }: Schedule,
  ticks: string[],
): string[] {
  if (paused || !next) {
    return [];
  }
  const { ends_at: end, max_runs: most } = definition;
  const before = ticks.filter((tick) => !end || Date.parse(tick) <= Date.parse(end));
  return most ? before.slice(0, Math.max(0, most - runs)) : before;
}

/** As far as the server computes ticks ahead at once. */
export const AHEAD_DAYS = 62;
const DAY_MS = 86_400_000;

/**
 * From when to when ticks to come are asked for that a month shows; nothing when there are none. Days of every zone are within:
 * none is more than a day off. `counted`: how many come before is to be known, as the schedule ends after so many runs.
 */
export function monthSpan(
  month: string,
  now: number,
  counted: boolean,
): { from: string; until: string } | undefined {
  const days = weeksOf(month).flat();
  const at = (day: string | undefined, beside: number) =>
    Date.parse(`${addDays(day ?? "", beside)}T00:00:00Z`);
  const [begin, end] = [at(days[0], -1), at(days.at(-1), 2)];
  const from = counted ? now : Math.max(now, begin);
  const until = counted ? Math.min(end, now + AHEAD_DAYS * DAY_MS) : end;
  const some = from < until && begin < until;
  return some ? { from: new Date(from).toISOString(), until: new Date(until).toISOString() } : undefined;
}

const WORDS: Record<Mark, string> = {
  ran: "ran",
  failed: "failed",
  passed: "did not run",
  coming: "to come",
};

/** `3 ran, 1 failed` */
export function countWords(counts: Day["counts"]): string {
  return (Object.keys(WORDS) as Mark[])
    .filter((mark) => counts[mark] > 0)
    .map((mark) => `${counts[mark]} ${WORDS[mark]}`)
    .join(", ");
}

const DAY_MINUTES = 24 * 60;
const DAYS: Weekday[] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/** How much of a day, in the calendar's own zone, is a blackout. */
export function blackoutOf(entries: CalendarEntry[], day: string): "whole" | "part" | undefined {
  const spans = entries.flatMap((entry) => spansOf(entry, day)).sort(([one], [other]) => one - other);
  if (spans.length === 0) {
    return undefined;
  }
  let covered = 0;
  for (const [from, to] of spans) {
    if (from > covered) {
      return "part";
    }
    covered = Math.max(covered, to);
  }
  return covered >= DAY_MINUTES ? "whole" : "part";
}

function spansOf(entry: CalendarEntry, day: string): [number, number][] {
  if (entry.kind === "dates") {
    return entry.from <= day && day <= entry.to ? [[0, DAY_MINUTES]] : [];
  }
  const [from, to] = [minutes(entry.from), minutes(entry.to)];
  const begins = (date: string) => entry.days.some((name) => DAYS[weekdayOf(date)] === name);
  const spans: [number, number][] = [];
  if (begins(day)) {
    spans.push([from, to > from ? to : DAY_MINUTES]);
  }
  // It ends on the day after.
  if (to <= from && to > 0 && begins(addDays(day, -1))) {
    spans.push([0, to]);
  }
  return spans;
}

function minutes(time: string): number {
  const [hours = 0, rest = 0] = time.split(":").map(Number);
  return hours * 60 + rest;
}
