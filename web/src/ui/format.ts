/** Times, durations and sizes as people read them. Pure: the present is an argument. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const two = (value: number) => String(value).padStart(2, "0");

/** Local time, sortable: `2026-11-22 10:30:05`. */
export function dateTime(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) {
    return iso;
  }
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

const INSTANT = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;

/** A text of the server, with the instants in it as local time. */
export function withLocalTimes(text: string): string {
  return text.replace(INSTANT, (iso) => dateTime(iso));
}

export function dateOnly(iso: string): string {
  return dateTime(iso).slice(0, 10);
}

/** `just now`, `12 s ago`, `in 3 min`, `5 d ago`. */
export function relative(iso: string, now: number): string {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) {
    return iso;
  }
  const distance = Math.abs(now - at);
  if (distance < 2 * SECOND) {
    return "just now";
  }
  const text = roughly(distance);
  return at > now ? `in ${text}` : `${text} ago`;
}

function roughly(milliseconds: number): string {
  if (milliseconds < MINUTE) {
    return `${Math.floor(milliseconds / SECOND)} s`;
  }
  if (milliseconds < HOUR) {
    return `${Math.floor(milliseconds / MINUTE)} min`;
  }
  if (milliseconds < 2 * DAY) {
    return `${Math.floor(milliseconds / HOUR)} h`;
  }
  return `${Math.floor(milliseconds / DAY)} d`;
}

/** `850 ms`, `4.2 s`, `3 min 07 s`, `2 h 05 min`. */
export function duration(milliseconds: number): string {
  const value = Math.max(0, milliseconds);
  if (value < SECOND) {
    return `${Math.round(value)} ms`;
  }
  if (value < 10 * SECOND) {
    return `${(Math.floor(value / 100) / 10).toFixed(1)} s`;
  }
  if (value < MINUTE) {
    return `${Math.floor(value / SECOND)} s`;
  }
  if (value < HOUR) {
    return `${Math.floor(value / MINUTE)} min ${two(Math.floor((value % MINUTE) / SECOND))} s`;
  }
  return `${Math.floor(value / HOUR)} h ${two(Math.floor((value % HOUR) / MINUTE))} min`;
}

/** A span that somebody chose, to the second: `1 s`, `5 min`, `1 h 30 min`. */
export function span(seconds: number): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / 3_600), "h"],
    [Math.floor((seconds % 3_600) / 60), "min"],
    [seconds % 60, "s"],
  ];
  const said = parts.filter(([number]) => number > 0).map(([number, unit]) => `${number} ${unit}`);
  return said.length > 0 ? said.join(" ") : "0 s";
}

/** Whole days from now until then; negative when it has passed. */
export function daysLeft(iso: string, now: number): number {
  return Math.floor((Date.parse(iso) - now) / DAY);
}

export function bytes(count: number): string {
  if (count < 1024) {
    return `${count} B`;
  }
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = count;
  let unit = "B";
  for (const next of units) {
    if (value < 1024) {
      break;
    }
    value /= 1024;
    unit = next;
  }
  return `${value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`;
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`;
}
