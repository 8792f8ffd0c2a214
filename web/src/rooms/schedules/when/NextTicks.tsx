import { RelativeTime } from "~/ui/RelativeTime";
import { SimpleTable } from "~/ui/SimpleTable";
import classes from "./when.module.css";
import { sameZone, viewerZone, wallShort, wallText, wallTime } from "./zones";

interface NextTicksProps {
  /** The expression in words. */
  text: string;
  ticks: string[];
  zone: string;
  /** They are of an earlier expression. */
  stale?: boolean;
  /** There is little place beside it. */
  narrow?: boolean;
}

/** The next ticks on the clocks of the schedule's zone, and on those of whoever looks. */
export function NextTicks({ text, ticks, zone, stale, narrow }: NextTicksProps) {
  const mine = viewerZone();
  return (
    <div aria-busy={stale || undefined}>
      <p className={classes.words} role="status">
        {text}
      </p>
      <SimpleTable
        label="Next ticks"
        rows={ticks}
        rowKey={(tick) => tick}
        empty="It never ticks again."
        columns={[
          {
            label: `In ${zone}`,
            cell: (tick) => (
              <time dateTime={tick} title={wallText(tick, zone)}>
                {narrow ? wallShort(tick, zone) : wallText(tick, zone)}
              </time>
            ),
          },
          ...(sameZone(zone, mine)
            ? []
            : [
                {
                  label: narrow ? `In ${mine}` : `For you, in ${mine}`,
                  cell: (tick: string) => (narrow ? wallTime(tick, mine) : wallText(tick, mine)),
                },
              ]),
          { label: "From now", cell: (tick) => <RelativeTime at={tick} /> },
        ]}
      />
    </div>
  );
}
