/** An execution once more: on which of its hosts, and the same as a command and as a request. */
import type { Execution, JobState } from "~/api/types";
import { write } from "./copy/cli";
import { curlCommand } from "./copy/curl";
import type { Flag } from "./copy/options";
import { FAILED, jobsIn } from "./execution";
import { STATES } from "./words";

export type RerunHosts = "failed" | "unfinished" | "all";

/** What the newest attempts on them came to. */
const MEANT: Record<RerunHosts, JobState[]> = {
  failed: FAILED,
  unfinished: [...FAILED, "cancelled"],
  all: STATES,
};

const FLAGS: Record<RerunHosts, Flag[]> = {
  failed: [],
  unfinished: [["--unfinished"]],
  all: [["--all"]],
};

/** How many hosts it would run on. */
export const rerunCount = (execution: Pick<Execution, "counts">, hosts: RerunHosts): number =>
  jobsIn(execution, MEANT[hosts]);

export const rerunCommand = (id: number, hosts: RerunHosts): string =>
  write({ verb: ["execution", "rerun"], words: [String(id)], flags: FLAGS[hosts] });

export const rerunCurl = (origin: string, id: number, hosts: RerunHosts): string =>
  curlCommand({ origin, path: `/api/v1/executions/${id}/rerun`, body: { hosts }, secrets: [] });
