import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Job, JobDetail, OutputEvent } from "~/api/types";
import { eventsUrl, jobKey, type OutputFacts, outputOptions } from "./api";
import { AttemptOutput } from "./output";

/** `lost`: the browser connects again by itself. */
export type Liveness = "connecting" | "live" | "lost" | "ended" | "failed";

interface LiveOutput {
  output: AttemptOutput;
  version: number;
  liveness: Liveness;
  retry: () => void;
}

/** Output is drawn at most this often; many small pieces come together. */
const DRAW_MS = 100;

/** Output of the current attempt as it comes, and the job's state with it. */
export function useLiveOutput(id: number, attempt: number, enabled: boolean): LiveOutput {
  const client = useQueryClient();
  const [tries, setTries] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each attempt has an output of its own
  const output = useMemo(() => new AttemptOutput(), [id, attempt]);
  const [version, setVersion] = useState(0);
  const [liveness, setLiveness] = useState<Liveness>("connecting");

  // biome-ignore lint/correctness/useExhaustiveDependencies: tries opens the stream anew
  useEffect(() => {
    if (!enabled) {
      return;
    }
    setLiveness("connecting");
    const events = new EventSource(eventsUrl(id));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const draw = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        setVersion(output.version);
      }, DRAW_MS);
    };
    events.addEventListener("open", () => setLiveness("live"));
    events.addEventListener("state", (event) => {
      const job = readEvent<Job>(event);
      const key = [...jobKey, "show", id];
      const before = client.getQueryData<JobDetail>(key);
      if (job && before) {
        client.setQueryData<JobDetail>(key, { ...before, ...job });
        if (before.state !== job.state || before.attempt !== job.attempt) {
          // Attempts and timeline have changed with it.
          void client.invalidateQueries({ queryKey: key });
        }
      }
    });
    events.addEventListener("output", (event) => {
      const piece = readEvent<OutputEvent>(event);
      if (piece?.attempt === attempt) {
        output.add(piece.stream, piece.segment);
        draw();
      }
    });
    events.addEventListener("end", () => {
      events.close();
      setLiveness("ended");
      void client.invalidateQueries({ queryKey: [...jobKey, "show", id] });
    });
    events.addEventListener("error", () => {
      const closed = events.readyState === EventSource.CLOSED;
      setLiveness(closed ? "failed" : "lost");
      if (closed) {
        // Says why: the job is gone, the session has ended.
        void client.invalidateQueries({ queryKey: [...jobKey, "show", id] });
      }
    });
    return () => {
      events.close();
      clearTimeout(timer);
    };
  }, [client, id, attempt, enabled, output, tries]);

  return { output, version, liveness, retry: () => setTries((count) => count + 1) };
}

/** An event that is not what it should be is left out; the next one may be. */
function readEvent<Data>(event: MessageEvent<string>): Data | undefined {
  try {
    return JSON.parse(event.data) as Data;
  } catch {
    return undefined;
  }
}

/** Output of the current attempt that came after its events had ended, or was cut. */
export function useLateOutput(
  id: number,
  attempt: number,
  facts: OutputFacts | undefined,
  { output, liveness }: LiveOutput,
): void {
  const enabled = liveness === "ended" && facts !== undefined && output.lacks(facts);
  const { data } = useQuery({ ...outputOptions(id, attempt, facts), enabled });
  const [, redraw] = useState(0);
  useEffect(() => {
    if (data) {
      output.fill(data);
      redraw(output.version);
    }
  }, [output, data]);
}

/** Output of an attempt before the current one. */
export function usePastOutput(id: number, attempt: number, facts: OutputFacts | undefined, enabled: boolean) {
  const options = outputOptions(id, attempt, facts);
  const query = useQuery({ ...options, enabled, placeholderData: keepPreviousData });
  const output = useMemo(() => (query.data ? AttemptOutput.from(query.data) : undefined), [query.data]);
  const empty = useRef(new AttemptOutput());
  return {
    output: output ?? empty.current,
    pending: query.isPending,
    error: query.error,
    retry: () => void query.refetch(),
  };
}
