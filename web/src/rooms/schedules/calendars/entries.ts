/** The entries of a calendar as they stand in the editor, and as they are said. */
import type { CalendarEntry, Weekday } from "~/api/types";

export interface EntryDraft {
  id: number;
  kind: CalendarEntry["kind"];
  days: Weekday[];
  /** `22:00` */
  fromTime: string;
  toTime: string;
  /** `2026-12-24` */
  fromDay: string;
  toDay: string;
}

export const WEEK: { value: Weekday; label: string }[] = [
  { value: "monday", label: "Mon" },
  { value: "tuesday", label: "Tue" },
  { value: "wednesday", label: "Wed" },
  { value: "thursday", label: "Thu" },
  { value: "friday", label: "Fri" },
  { value: "saturday", label: "Sat" },
  { value: "sunday", label: "Sun" },
];

let nextId = 1;

export const newEntry = (kind: EntryDraft["kind"]): EntryDraft => ({
  id: nextId++,
  kind,
  days: [],
  fromTime: "00:00",
  toTime: END_OF_DAY,
  fromDay: "",
  toDay: "",
});

/** No clock shows it; the inputs for times cannot write it, so it is a text there. */
export const END_OF_DAY = "24:00";

export function draftOfEntry(entry: CalendarEntry): EntryDraft {
  return entry.kind === "weekly"
    ? { ...newEntry("weekly"), days: entry.days, fromTime: entry.from, toTime: entry.to }
    : { ...newEntry("dates"), fromDay: entry.from, toDay: entry.to };
}

export function entryOf({ kind, days, fromTime, toTime, fromDay, toDay }: EntryDraft): CalendarEntry {
  return kind === "weekly"
    ? {
        kind,
        // In the order of the week, whatever the order of the clicks.
        days: WEEK.flatMap(({ value }) => (days.includes(value) ? [value] : [])),
        from: fromTime.trim(),
        to: toTime.trim(),
      }
    : // One day is the first and the last.
      { kind, from: fromDay, to: toDay === "" ? fromDay : toDay };
}

export function missingEntries(drafts: EntryDraft[]): string | undefined {
  if (drafts.length === 0) {
    return "Add an entry: hours of weekdays, or days";
  }
  return drafts.map(missingEntry).find(Boolean);
}

function missingEntry(draft: EntryDraft, index: number): string | undefined {
  const where = `Entry ${index + 1}`;
  if (draft.kind === "weekly") {
    if (draft.days.length === 0) {
      return `${where}: choose the days of the week`;
    }
    return isTime(draft.fromTime) && isTime(draft.toTime)
      ? undefined
      : `${where}: write times like 22:00, from 00:00 to 24:00`;
  }
  if (draft.fromDay === "") {
    return `${where}: give the first day`;
  }
  return draft.toDay !== "" && draft.toDay < draft.fromDay ? `${where}: it ends before it begins` : undefined;
}

const isTime = (text: string) => /^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/.test(text.trim());

/** `Sat, Sun all day`, `Mon–Fri 22:00 to 06:00`, `2026-12-24 to 2027-01-01` */
export function entryWords(entry: CalendarEntry): string {
  if (entry.kind === "dates") {
    return entry.from === entry.to ? entry.from : `${entry.from} to ${entry.to}`;
  }
  const whole = entry.from === "00:00" && (entry.to === END_OF_DAY || entry.to === "00:00");
  const time = whole
    ? "all day"
    : `${entry.from} to ${entry.to}${entry.to <= entry.from ? " on the day after" : ""}`;
  return `${daysWords(entry.days)} ${time}`;
}

function daysWords(days: Weekday[]): string {
  const places = WEEK.flatMap(({ value }, index) => (days.includes(value) ? [index] : []));
  const [first = 0] = places;
  const last = places.at(-1) ?? first;
  const label = (index: number) => WEEK[index]?.label ?? "";
  // Three and more in a row are said as from and to.
  return places.length > 2 && last - first === places.length - 1
    ? `${label(first)}–${label(last)}`
    : places.map(label).join(", ");
}
