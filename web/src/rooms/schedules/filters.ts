/** Filters of the list: the server knows some of them, and the others are applied here. */
import type { Schedule } from "~/api/types";
import { filtersByField } from "~/ui/table/urlState";

/** What the page filters by and the server does not. */
const VALUE: Record<string, (schedule: Schedule) => string> = {
  zone: ({ definition }) => definition.zone ?? "UTC",
  calendar: ({ definition }) => (definition.blackout ? "yes" : "no"),
};

interface Split {
  /** For the server, which refuses a field that it does not know: so a wrong link is noticed. */
  asked: string[];
  /** Any of the values of each other field; absent where there is none. */
  matches: ((schedule: Schedule) => boolean) | undefined;
}

export function splitFilter(filter: string[]): Split {
  const fields = [...filtersByField(filter)];
  const own = fields.flatMap(([field, values]) => {
    const value = VALUE[field];
    return value ? [{ value, values }] : [];
  });
  return {
    asked: fields.flatMap(([field, values]) => (VALUE[field] ? [] : [`${field}:${values.join(",")}`])),
    matches:
      own.length > 0
        ? (schedule) => own.every(({ value, values }) => values.includes(value(schedule)))
        : undefined,
  };
}
