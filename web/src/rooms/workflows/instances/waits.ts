/** What runs of steps wait for, where all that is open of their jobs waits. */
import type { Job } from "~/api/types";
import { count } from "~/ui/format";

/** By the number of the run. */
export type Waits = ReadonlyMap<number, string>;

/** Reasons that are told one by one; more are told of in the list of the jobs. */
const TOLD = 2;

/** Nothing where one of them is under way. */
export function waitWords(open: readonly Pick<Job, "agent" | "waits">[]): string | undefined {
  const hosts = new Map<string, string[]>();
  for (const { agent, waits } of open) {
    if (!waits) {
      return undefined;
    }
    hosts.set(waits.text, [...(hosts.get(waits.text) ?? []), agent]);
  }
  if (hosts.size === 0) {
    return undefined;
  }
  const told = [...hosts].slice(0, TOLD).map(([text, [first = "", ...others]]) => {
    const who = others.length > 0 ? count(others.length + 1, "host") : first;
    return `${who}: ${text}`;
  });
  return [...told, ...(hosts.size > TOLD ? ["and more"] : [])].join("; ");
}
