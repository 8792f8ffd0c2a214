import { describe, expect, it } from "vitest";
import type { CalendarEntry, ScheduleTick, TickFate } from "~/api/types";
import { entryOf, entryWords, missingEntries, newEntry } from "./calendars/entries";
import { blackoutOf, comingTicks, countWords, daysOf, monthSpan } from "./days";
import { schedule } from "./testing";
import { sameZone, wallOf, wallText, zoneNames } from "./when/zones";

const tick = (at: string, fate: TickFate, ticks = 1): ScheduleTick => ({ at, fate, ticks, decided_at: at });

describe("the days of a month", () => {
  it("are those of the schedule's zone", () => {
    const days = daysOf(
      [tick("2026-11-29T23:30:00Z", "ran"), tick("2026-11-29T22:30:00Z", "failed")],
      ["2026-11-30T23:30:00Z"],
      "Europe/Brussels",
    );
    expect([...days.keys()].sort()).toEqual(["2026-11-29", "2026-11-30", "2026-12-01"]);
    expect(days.get("2026-11-30")?.counts).toEqual({ ran: 1, failed: 0, passed: 0, coming: 0 });
  });

  it("a record of missed ticks counts for all of them", () => {
    const day = daysOf([tick("2026-11-29T10:00:00Z", "missed", 12)], [], "UTC").get("2026-11-29");
    expect(day && countWords(day.counts)).toBe("12 did not run");
  });
});

describe("ticks to come", () => {
  const ticks = ["2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z", "2026-12-03T00:00:00Z"];
  const next = { next_at: ticks[0] };
  it("end with the schedule's own limits", () => {
    const { definition } = schedule({});
    expect(comingTicks(schedule(next), ticks)).toEqual(ticks);
    expect(
      comingTicks(schedule({ ...next, runs: 8, definition: { ...definition, max_runs: 10 } }), ticks),
    ).toHaveLength(2);
    expect(
      comingTicks(schedule({ ...next, definition: { ...definition, ends_at: ticks[1] } }), ticks),
    ).toHaveLength(2);
  });

  it("are none while it is paused, and once it has ended", () => {
    expect(comingTicks(schedule({ ...next, paused: true }), ticks)).toEqual([]);
    expect(comingTicks(schedule({}), ticks)).toEqual([]);
  });
});

describe("the time that a month shows", () => {
  const now = Date.parse("2026-11-20T12:00:00Z");
  it.each([
    // From now on, to the end of its last week in every zone.
    ["2026-11", false, ["2026-11-20T12:00:00.000Z", "2026-12-08T00:00:00.000Z"]],
    ["2027-03", false, ["2027-02-28T00:00:00.000Z", "2027-04-06T00:00:00.000Z"]],
    ["2026-09", false, undefined],
    // How many come before must be known, as far as is computed ahead.
    ["2026-12", true, ["2026-11-20T12:00:00.000Z", "2027-01-05T00:00:00.000Z"]],
    ["2027-01", true, ["2026-11-20T12:00:00.000Z", "2027-01-21T12:00:00.000Z"]],
    ["2027-03", true, undefined],
  ] as const)("%s, counted %s: %j", (month, counted, span) => {
    const found = monthSpan(month, now, counted);
    expect(found && [found.from, found.until]).toEqual(span);
  });
});

describe("blackout days", () => {
  const weekend: CalendarEntry = { kind: "weekly", days: ["saturday", "sunday"], from: "00:00", to: "24:00" };
  const nights: CalendarEntry = { kind: "weekly", days: ["monday"], from: "22:00", to: "06:00" };
  const holidays: CalendarEntry = { kind: "dates", from: "2026-12-24", to: "2027-01-01" };
  it.each([
    [[weekend], "2026-11-28", "whole"],
    [[weekend], "2026-11-30", undefined],
    [[nights], "2026-11-30", "part"],
    [[nights], "2026-12-01", "part"],
    [[nights], "2026-12-02", undefined],
    [[holidays], "2026-12-24", "whole"],
    [[holidays], "2027-01-01", "whole"],
    [[holidays], "2027-01-02", undefined],
    [
      [
        { kind: "weekly", days: ["monday"], from: "00:00", to: "12:00" },
        { kind: "weekly", days: ["monday"], from: "12:00", to: "24:00" },
      ],
      "2026-11-30",
      "whole",
    ],
    [[{ kind: "weekly", days: ["sunday", "monday"], from: "12:00", to: "12:00" }], "2026-11-30", "whole"],
  ] as [CalendarEntry[], string, string | undefined][])("%j on %s: %s", (entries, day, wanted) => {
    expect(blackoutOf(entries, day)).toBe(wanted);
  });
});

describe("entries of a calendar", () => {
  it.each([
    [{ kind: "weekly", days: ["saturday", "sunday"], from: "00:00", to: "24:00" }, "Sat, Sun all day"],
    [
      { kind: "weekly", days: ["monday", "tuesday", "wednesday"], from: "22:00", to: "06:00" },
      "Mon–Wed 22:00 to 06:00 on the day after",
    ],
    [
      { kind: "weekly", days: ["monday", "tuesday", "friday"], from: "08:00", to: "09:00" },
      "Mon, Tue, Fri 08:00 to 09:00",
    ],
    [{ kind: "dates", from: "2026-12-24", to: "2027-01-01" }, "2026-12-24 to 2027-01-01"],
    [{ kind: "dates", from: "2026-12-24", to: "2026-12-24" }, "2026-12-24"],
  ] as [CalendarEntry, string][])("%j", (entry, words) => {
    expect(entryWords(entry)).toBe(words);
  });

  it("days stand in the order of the week, and one day is the first and the last", () => {
    expect(entryOf({ ...newEntry("weekly"), days: ["sunday", "monday"] })).toMatchObject({
      days: ["monday", "sunday"],
    });
    expect(entryOf({ ...newEntry("dates"), fromDay: "2026-12-24" })).toEqual({
      kind: "dates",
      from: "2026-12-24",
      to: "2026-12-24",
    });
  });

  it("what is missing is said with its number", () => {
    expect(missingEntries([])).toContain("Add an entry");
    expect(missingEntries([newEntry("weekly")])).toContain("Entry 1: choose the days");
    const weekly = { ...newEntry("weekly"), days: ["monday" as const] };
    expect(missingEntries([weekly])).toBeUndefined();
    expect(missingEntries([weekly, { ...weekly, toTime: "25:00" }])).toContain("Entry 2: write times");
    expect(missingEntries([newEntry("dates")])).toContain("give the first day");
    expect(missingEntries([{ ...newEntry("dates"), fromDay: "2026-12-24", toDay: "2026-12-23" }])).toContain(
      "ends before it begins",
    );
  });
});

describe("clocks elsewhere", () => {
  it("show the date, the time and how far they are from UTC", () => {
    expect(wallText("2026-12-24T23:30:00Z", "Europe/Brussels")).toBe("Fri 2026-12-25 00:30 GMT+1");
    expect(wallText("2026-07-24T23:30:15Z", "Europe/Brussels")).toBe("Sat 2026-07-25 01:30:15 GMT+2");
    expect(wallOf("2026-12-24T00:00:00Z", "UTC")?.time).toBe("00:00");
  });

  it("a zone that is not known here is shown as the server says it", () => {
    expect(wallText("2026-12-24T23:30:00Z", "Moon/Base")).toBe("2026-12-24T23:30:00Z");
  });

  it("UTC comes first and once", () => {
    const names = zoneNames(["UTC", "Europe/Brussels", "Moon/Base"]);
    expect(names[0]).toBe("UTC");
    expect(names.filter((name) => name === "Europe/Brussels")).toHaveLength(1);
    expect(names).toContain("Moon/Base");
    expect(sameZone("UTC", "Etc/UTC")).toBe(true);
    expect(sameZone("UTC", "Europe/London")).toBe(false);
  });
});
