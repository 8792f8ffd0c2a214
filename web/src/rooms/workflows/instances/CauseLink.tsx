import { Link } from "@tanstack/react-router";
import type { EventCause } from "~/api/types";
import { placeOf } from "./causes";

/** To what an event came of, where that has a page. */
export function CauseLink({ cause }: { cause: EventCause | null | undefined }) {
  const place = placeOf(cause);
  const id = String(place?.id);
  switch (place?.page) {
    case undefined:
      return null;
    case "execution":
      return (
        <Link to="/executions/$executionId" params={{ executionId: id }} className="link">
          Execution {id}
        </Link>
      );
    case "approval":
      return (
        <Link to="/approvals/$approvalId" params={{ approvalId: id }} className="link">
          Approval {id}
        </Link>
      );
    case "instance":
      return (
        <Link to="/instances/$instanceId" params={{ instanceId: id }} className="link">
          Instance {id}
        </Link>
      );
    case "schedule":
      return (
        <Link to="/schedules/$scheduleId" params={{ scheduleId: id }} className="link">
          Schedule {id}
        </Link>
      );
  }
}
