import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Console, type ConsoleSource } from "~/ui/console/Console";
import { jobOptions } from "./api";
import { useLateOutput, useLiveOutput } from "./useOutput";

interface JobConsoleProps {
  id: number;
  attempt: number;
  running: boolean;
  agent: string;
}

/** Output of a job’s newest attempt and nothing around it: live while it runs, and what comes after its end. */
export function JobConsole({ id, attempt, running, agent }: JobConsoleProps) {
  const live = useLiveOutput(id, attempt, true);
  const { data: job } = useQuery(jobOptions(id));
  useLateOutput(
    id,
    attempt,
    job?.attempts.find((one) => one.number === attempt),
    live,
  );
  const { output } = live;
  const [follow, setFollow] = useState(true);
  const sources = useMemo<ConsoleSource[]>(
    () => [
      { name: "stdout", lines: output.stdout },
      { name: "stderr", lines: output.stderr, marked: true },
    ],
    [output],
  );
  return (
    <Console
      label={`Output of job ${id} on ${agent}`}
      sources={sources}
      version={output.version}
      follow={follow}
      onFollow={setFollow}
      empty={running ? "No output yet." : "There was no output."}
    />
  );
}
