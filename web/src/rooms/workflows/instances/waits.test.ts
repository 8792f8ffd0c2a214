import { describe, expect, it } from "vitest";
import type { Job } from "~/api/types";
import { waitWords } from "./waits";

const job = (agent: string, text?: string): Pick<Job, "agent" | "waits"> => ({
  agent,
  waits: text === undefined ? null : { reason: "agent_offline", text },
});
const OFFLINE = "The agent is not connected";

describe("what a run waits for", () => {
  it.each([
    ["the one host it waits for", [job("ghost", OFFLINE)], `ghost: ${OFFLINE}`],
    ["hosts that wait for the same", [job("a", OFFLINE), job("b", OFFLINE)], `2 hosts: ${OFFLINE}`],
    [
      "each reason",
      [job("a", OFFLINE), job("b", "Not yet due"), job("c", OFFLINE)],
      `2 hosts: ${OFFLINE}; b: Not yet due`,
    ],
    [
      "no more than two reasons",
      [job("a", OFFLINE), job("b", "Not yet due"), job("c", "Its host group has a blackout")],
      `a: ${OFFLINE}; b: Not yet due; and more`,
    ],
    ["nothing while one of its jobs runs", [job("a", OFFLINE), job("b")], undefined],
    ["nothing without jobs", [], undefined],
  ])("is %s", (_, jobs, words) => {
    expect(waitWords(jobs)).toBe(words);
  });
});
