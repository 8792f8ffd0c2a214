import { describe, expect, it } from "vitest";
import { addDays, addMonths, dayWords, isDay, isMonth, monthWords, weekdayOf, weeksOf } from "./month";

describe("days and months", () => {
  it.each([
    ["2026-12-31", 1, "2027-01-01"],
    ["2028-02-28", 1, "2028-02-29"],
    ["2026-03-29", 1, "2026-03-30"],
    ["2026-03-01", -1, "2026-02-28"],
  ])("%s and %i days is %s", (day, days, wanted) => {
    expect(addDays(day, days)).toBe(wanted);
  });

  it.each([
    ["2026-12", 1, "2027-01"],
    ["2026-01", -1, "2025-12"],
    ["2026-06", 18, "2027-12"],
  ])("%s and %i months is %s", (month, months, wanted) => {
    expect(addMonths(month, months)).toBe(wanted);
  });

  it("a month is drawn in whole weeks that begin on Monday", () => {
    const weeks = weeksOf("2026-11");
    expect(weeks[0]).toEqual([
      "2026-10-26",
      "2026-10-27",
      "2026-10-28",
      "2026-10-29",
      "2026-10-30",
      "2026-10-31",
      "2026-11-01",
    ]);
    expect(weeks.at(-1)?.[0]).toBe("2026-11-30");
    expect(weeks.every((week) => week.length === 7)).toBe(true);
  });

  it("a February that fits has four weeks", () => {
    expect(weeksOf("2027-02")).toHaveLength(4);
  });

  it("are said in words", () => {
    expect(monthWords("2026-12")).toBe("December 2026");
    expect(dayWords("2026-12-24")).toBe("Thursday, 24 December 2026");
    expect(weekdayOf("2026-11-30")).toBe(0);
  });

  it("what somebody types into the address is looked at", () => {
    expect([isMonth("2026-13"), isMonth("2026-1"), isMonth("2026-10")]).toEqual([false, false, true]);
    expect([isDay("2026-02-30"), isDay("x"), isDay("2026-02-28")]).toEqual([false, false, true]);
  });
});
