import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { listQuery, PAGE_SIZE } from "~/api/list";
import type { Instance } from "~/api/types";
import jobs from "~/rooms/jobs/JobPage.module.css";
import { withActorName } from "~/rooms/jobs/words";
import { dateTime, withLocalTimes } from "~/ui/format";
import { plainText } from "~/ui/plainText";
import { ErrorState, LoadingLines } from "~/ui/states";
import { eventList, instanceKey, REFRESH_MS } from "../api";
import { hasEnded } from "../words";
import classes from "../workflows.module.css";
import { CauseLink, PlaceLink } from "./CauseLink";
import { begunIn } from "./causes";
import page from "./InstancePage.module.css";

/** The latest are asked for first, and what is here stands in the order in which it happened. */
const LATEST_FIRST = { sort: "-number" };

interface InstanceTimelineProps {
  instance: Pick<Instance, "id" | "state">;
  /** It is read again whenever something happened. */
  live: boolean;
}

export function InstanceTimeline({ instance: { id, state }, live }: InstanceTimelineProps) {
  const ended = hasEnded(state);
  const query = useInfiniteQuery({
    // Read once more when it has ended, for what came last.
    queryKey: [...instanceKey, "events", id, ended],
    queryFn: ({ pageParam }) => eventList(id, listQuery(LATEST_FIRST, PAGE_SIZE, pageParam)),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: ended || live ? false : REFRESH_MS,
    placeholderData: (previous) => previous,
  });
  if (!query.data) {
    return query.error ? (
      <ErrorState error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <LoadingLines lines={3} />
    );
  }
  const events = query.data.pages.flatMap((page) => page.items).toReversed();
  return (
    <>
      {query.hasNextPage && (
        <Button
          variant="default"
          className={classes.earlier}
          loading={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          Load what happened before
        </Button>
      )}
      {events.length === 0 && <span className="dim">Nothing has happened yet.</span>}
      <ol className={jobs.timeline} aria-label="What happened">
        {events.map(({ number, at, step, text, cause }) => (
          <li key={number}>
            <time dateTime={at}>{dateTime(at)}</time>
            <span>
              {step && <code>{step}: </code>}
              <Told text={withActorName(text)} />
            </span>
            <CauseLink cause={cause} />
          </li>
        ))}
      </ol>
    </>
  );
}

/** What happened; what it began is a way there. */
function Told({ text }: { text: string }) {
  const led = begunIn(text);
  return led ? (
    <span className={page.told}>
      {plainText(led.before)}
      <PlaceLink place={led.place} words={led.words} />
      {plainText(led.after)}
    </span>
  ) : (
    withLocalTimes(plainText(text))
  );
}
