/** What an event of an instance came of, and what it made: where that can be looked at. */
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

/** A text around the words that lead somewhere. */
export interface Led {
  before: string;
  words: string;
  after: string;
  place: CausePlace;
}

/** What steps say of what they began, by the server. */
const BEGUN: [CausePlace["page"], RegExp][] = [
  ["execution", /^(Jobs? on .+, )(execution (\d+))()$/s],
  ["instance", /^(Started )(instance (\d+))( of .+)$/s],
];

/** The jobs, or the instance, that the event says a step began. */
export function begunIn(text: string): Led | undefined {
  for (const [page, pattern] of BEGUN) {
    const [, before = "", words = "", id, after = ""] = pattern.exec(text) ?? [];
    if (id !== undefined) {
      return { before, words, after, place: { page, id: Number(id) } };
    }
  }
  return undefined;
}
