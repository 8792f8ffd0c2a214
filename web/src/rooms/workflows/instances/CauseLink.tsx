import { Link } from "@tanstack/react-router";
import type { EventCause } from "~/api/types";
import { type CausePlace, placeOf } from "./causes";

const NAMES: Record<CausePlace["page"], string> = {
  execution: "Execution",
  approval: "Approval",
  instance: "Instance",
  schedule: "Schedule",
};

/** To what an event came of, where that has a page. */
export function CauseLink({ cause }: { cause: EventCause | null | undefined }) {
  const place = placeOf(cause);
  return place ? <PlaceLink place={place} words={`${NAMES[place.page]} ${place.id}`} /> : null;
}

export function PlaceLink({ place, words }: { place: CausePlace; words: string }) {
  const id = String(place.id);
  switch (place.page) {
    case "execution":
      return (
        <Link to="/executions/$executionId" params={{ executionId: id }} className="link">
          {words}
        </Link>
      );
    case "approval":
      return (
        <Link to="/approvals/$approvalId" params={{ approvalId: id }} className="link">
          {words}
        </Link>
      );
    case "instance":
      return (
        <Link to="/instances/$instanceId" params={{ instanceId: id }} className="link">
          {words}
        </Link>
      );
    case "schedule":
      return (
        <Link to="/schedules/$scheduleId" params={{ scheduleId: id }} className="link">
          {words}
        </Link>
      );
  }
}
