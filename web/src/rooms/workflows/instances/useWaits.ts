import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Job, StepRun } from "~/api/types";
import { useMissing } from "~/app/session";
import { jobKey, jobList } from "~/rooms/jobs/api";
import { REFRESH_MS } from "../api";
import { type Waits, waitWords } from "./waits";

/** More of them are not read to say what they wait for. */
const MOST = 100;
const UNDER_WAY = "state:pending,running";

/** What the open runs wait for, as far as whoever looks may see their jobs. */
export function useWaits(runs: readonly StepRun[]): Waits {
  const reason = useMissing()("jobs.view");
  const open = useMemo(
    () =>
      runs.flatMap(({ run, outcome, execution_id: execution }) =>
        outcome || !execution ? [] : [{ run, execution }],
      ),
    [runs],
  );
  const words = useQueries({
    queries: open.map(({ execution }) => ({
      queryKey: [...jobKey, "waits", execution],
      queryFn: () => openJobs(execution),
      refetchInterval: REFRESH_MS,
      enabled: reason === undefined,
    })),
    combine: wordsOf,
  });
  return useMemo(
    () =>
      new Map(
        open.flatMap(({ run }, place): [number, string][] => {
          const why = words[place];
          return why === undefined ? [] : [[run, why]];
        }),
      ),
    [open, words],
  );
}

const wordsOf = (answers: { data: Job[] | undefined }[]) => answers.map(({ data = NONE }) => waitWords(data));

const NONE: Job[] = [];

/** Those that have not ended; of very many those that are under way, where there are any. */
async function openJobs(execution: number): Promise<Job[]> {
  const of = `execution:${execution}`;
  const first = await jobList({ limit: MOST, filter: [of, "state:queued,pending,running"] });
  if (!first.next_cursor) {
    return first.items;
  }
  const busy = await jobList({ limit: 1, filter: [of, UNDER_WAY] });
  return busy.items.length > 0 ? busy.items : first.items;
}
