import { Button } from "@mantine/core";
import { IconClockPlay } from "@tabler/icons-react";
import { useCallback, useMemo } from "react";
import type { ListQuery } from "~/api/list";
import type { Schedule } from "~/api/types";
import { useList } from "~/api/useList";
import { Panel } from "~/ui/Page";
import { EmptyState, ErrorState, LoadingLines, StaleBanner } from "~/ui/states";
import { tickKey, tickList } from "./api";
import classes from "./SchedulePage.module.css";
import { TickTable } from "./TickTable";

const ALL = {};

/** Every tick that was, newest first. */
export function TicksPanel({ schedule: { id, definition } }: { schedule: Schedule }) {
  const key = useMemo(() => tickKey(id), [id]);
  const load = useCallback((query: ListQuery) => tickList(id, query), [id]);
  const { rows, status } = useList(key, ALL, load);
  return (
    <Panel title="Ticks" flush>
      {rows.length > 0 ? (
        <>
          {status.error ? <StaleBanner error={status.error} onRetry={status.retry} /> : null}
          <TickTable flush label="Ticks" ticks={rows} zone={definition.zone ?? "UTC"} />
          {status.more && (
            <div className={classes.more}>
              <Button variant="default" loading={status.loadingMore} onClick={status.more}>
                Older ticks
              </Button>
            </div>
          )}
        </>
      ) : status.error ? (
        <ErrorState error={status.error} onRetry={status.retry} />
      ) : status.pending ? (
        <LoadingLines lines={4} />
      ) : (
        <EmptyState icon={IconClockPlay} title="It has not ticked yet">
          What becomes of each tick stands here, with the reason where it did not run.
        </EmptyState>
      )}
    </Panel>
  );
}
