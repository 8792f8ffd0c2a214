/** What an event of an instance came of: where that can be looked at. */
import type { EventCause } from "~/api/types";

export interface CausePlace {
  page: "execution" | "approval" | "instance" | "schedule";
  id: number;
}

/** The one page that tells most of it. People and the clock have none. */
export function placeOf(cause: EventCause | null | undefined): CausePlace | undefined {
  const places: [CausePlace["page"], number | null | undefined][] = [
    ["execution", cause?.execution_id],
    ["approval", cause?.approval_id],
    ["instance", cause?.instance_id],
    ["schedule", cause?.schedule_id],
  ];
  for (const [page, id] of places) {
    if (id !== null && id !== undefined) {
      return { page, id };
    }
  }
  return undefined;
}
