import { describe, expect, it } from "vitest";
import { bytes, count, dateTime, daysLeft, duration, relative, span, withLocalTimes } from "./format";

const NOW = Date.parse("2026-11-22T12:00:00Z");
const ago = (seconds: number) => new Date(NOW - seconds * 1_000).toISOString();

describe("format", () => {
  it.each([
    [0, "just now"],
    [12, "12 s ago"],
    [190, "3 min ago"],
    [7_300, "2 h ago"],
    [47 * 3_600, "47 h ago"],
    [5 * 86_400, "5 d ago"],
    [-3_000, "in 50 min"],
  ])("relative %i s", (seconds, text) => {
    expect(relative(ago(seconds), NOW)).toBe(text);
  });

  it("instants in a text are local time", () => {
    const at = "2026-11-22T12:00:05.250Z";
    expect(withLocalTimes(`Waits until ${at}.`)).toBe(`Waits until ${dateTime(at)}.`);
    expect(withLocalTimes("by user:1: since 2026-11-22")).toBe("by user:1: since 2026-11-22");
  });

  it("what is no time is shown as it came", () => {
    expect(relative("soon", NOW)).toBe("soon");
  });

  it.each([
    [0, "0 ms"],
    [850, "850 ms"],
    [4_299, "4.2 s"],
    [59_999, "59 s"],
    [187_000, "3 min 07 s"],
    [7_500_000, "2 h 05 min"],
    [-5, "0 ms"],
  ])("duration %i", (milliseconds, text) => {
    expect(duration(milliseconds)).toBe(text);
  });

  it.each([
    [0, "0 s"],
    [1, "1 s"],
    [60, "1 min"],
    [90, "1 min 30 s"],
    [3_600, "1 h"],
    [3_905, "1 h 5 min 5 s"],
    [360_000, "100 h"],
  ])("a span of %i s", (seconds, text) => {
    expect(span(seconds)).toBe(text);
  });

  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1536, "1.5 KiB"],
    [1024 * 1024, "1.0 MiB"],
    [10 * 1024 ** 3, "10.0 GiB"],
  ])("bytes %i", (size, text) => {
    expect(bytes(size)).toBe(text);
  });

  it("days left are whole days and negative when over", () => {
    expect(daysLeft("2026-11-23T11:59:59Z", NOW)).toBe(0);
    expect(daysLeft("2026-11-23T12:00:00Z", NOW)).toBe(1);
    expect(daysLeft("2026-11-22T11:00:00Z", NOW)).toBe(-1);
  });

  it("counts", () => {
    expect([count(1, "job"), count(0, "job"), count(12_345, "job")]).toEqual([
      "1 job",
      "0 jobs",
      "12,345 jobs",
    ]);
  });
});
