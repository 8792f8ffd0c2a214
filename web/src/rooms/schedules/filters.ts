/** Filters of the list, applied here because the server has none for schedules. */
import type { Schedule } from "~/api/types";
import { filtersByField } from "~/ui/table/urlState";
import { scheduleState } from "./rules";
import { workKind } from "./work";

const VALUE: Record<string, (schedule: Schedule) => string> = {
  state: scheduleState,
  work: ({ definition }) => workKind(definition.work),
  zone: ({ definition }) => definition.zone ?? "UTC",
  owner: ({ owner }) => owner,
  calendar: ({ definition }) => (definition.blackout ? "yes" : "no"),
};

/** Any of the values of each field. A field that does not exist matches nothing, so that a wrong link is noticed. */
export function matchesAll(schedule: Schedule, filter: string[]): boolean {
  return [...filtersByField(filter)].every(([field, values]) => {
    const value = VALUE[field]?.(schedule);
    return value !== undefined && values.includes(value);
  });
}
