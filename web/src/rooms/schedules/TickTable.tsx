import { Link } from "@tanstack/react-router";
import type { ScheduleTick } from "~/api/types";
import { dateTime } from "~/ui/format";
import { RelativeTime } from "~/ui/RelativeTime";
import { SimpleTable } from "~/ui/SimpleTable";
import { wallOf, wallText } from "./when/zones";
import { FatePill } from "./words";

interface TickTableProps {
  label: string;
  ticks: ScheduleTick[];
  zone: string;
  flush?: boolean;
  /** They are all of one day, which is said elsewhere. */
  timeOnly?: boolean;
}

/** What became of ticks, and why. */
export function TickTable({ label, ticks, zone, flush, timeOnly }: TickTableProps) {
  return (
    <SimpleTable
      label={label}
      flush={flush}
      rows={ticks}
      rowKey={(tick) => tick.at + tick.fate}
      columns={[
        {
          label: `Tick, in ${zone}`,
          cell: (tick) => (
            <time dateTime={tick.at} title={`${dateTime(tick.at)} on your clock`}>
              {timeOnly ? (wallOf(tick.at, zone)?.time ?? tick.at) : wallText(tick.at, zone)}
            </time>
          ),
        },
        { label: "Became", cell: (tick) => <FatePill fate={tick.fate} /> },
        {
          label: "Started",
          cell: (tick) =>
            tick.instance_id ? (
              <Link
                to="/instances/$instanceId"
                params={{ instanceId: String(tick.instance_id) }}
                className="link"
              >
                Instance {tick.instance_id}
              </Link>
            ) : tick.execution_id ? (
              <Link
                to="/executions/$executionId"
                params={{ executionId: String(tick.execution_id) }}
                className="link"
              >
                Execution {tick.execution_id}
              </Link>
            ) : (
              <span className="dim">–</span>
            ),
        },
        { label: "Reason", cell: reasonOf },
        { label: "Decided", cell: (tick) => <RelativeTime at={tick.decided_at} /> },
      ]}
    />
  );
}

function reasonOf({ ticks, reason }: ScheduleTick) {
  const parts = [ticks > 1 ? `stands for ${ticks} ticks` : "", reason ?? ""].filter(Boolean);
  return parts.length > 0 ? parts.join("; ") : <span className="dim">–</span>;
}
