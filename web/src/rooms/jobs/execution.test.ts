import { describe, expect, it } from "vitest";
import type { RollingState } from "~/api/types";
import { executionReasons, parts, rollingText } from "./execution";
import { rerunCommand, rerunCount, rerunCurl } from "./rerun";

const allowed = () => undefined;

describe("an execution", () => {
  it("what is over cannot be cancelled, and what worked not be retried", () => {
    const done = executionReasons({ counts: { completed: 3 }, finished: true }, allowed);
    expect(done.cancel).toContain("over");
    expect(done.retry).toContain("No host failed");
    expect(done.rerunFailed).toContain("No host failed");
    expect(done.rerunUnfinished).toContain("none was cancelled");
    expect(done.rerunAll).toBeUndefined();
  });

  it("one failure makes retry and run again possible", () => {
    const failed = executionReasons({ counts: { completed: 2, timeout: 1 }, finished: true }, allowed);
    expect(failed.retry).toBeUndefined();
    expect(failed.rerunFailed).toBeUndefined();
    expect(failed.rerunUnfinished).toBeUndefined();
  });

  it("cancelled hosts are run again as unfinished ones only, and not retried", () => {
    const reasons = executionReasons({ counts: { cancelled: 1 }, finished: true }, allowed);
    expect(reasons.retry).toContain("No host failed");
    expect(reasons.rerunFailed).toContain("No host failed");
    expect(reasons.rerunUnfinished).toBeUndefined();
  });

  it("of an action that is for others is only cancelled", () => {
    const open = { counts: { failed: 1, running: 1 }, finished: false };
    const theirs = executionReasons({ ...open, may_repeat: false }, allowed);
    expect(theirs.cancel).toBeUndefined();
    for (const reason of [theirs.retry, theirs.rerunFailed, theirs.rerunUnfinished, theirs.rerunAll]) {
      expect(reason).toContain("for others");
    }
    const ours = executionReasons({ ...open, may_repeat: true }, allowed);
    expect([ours.retry, ours.rerunFailed, ours.rerunUnfinished, ours.rerunAll]).toEqual(
      Array(4).fill(undefined),
    );
  });

  it("without the permission that is the reason for all", () => {
    const reasons = executionReasons({ counts: { failed: 1 }, finished: false }, (name) => `needs ${name}`);
    expect(new Set(Object.values(reasons))).toEqual(new Set(["needs jobs.manage"]));
  });

  it("counts every job once", () => {
    const all = parts({ counts: { completed: 3, running: 1, cancelled: 2 } });
    expect(all.reduce((sum, part) => sum + part.count, 0)).toBe(6);
  });

  it("says where a rolling one stands", () => {
    const rolling: RollingState = {
      plan: { batch: { hosts: 2 }, pause_seconds: 30, stop_after: { percent: 10 } },
      batches: 5,
      begun: 2,
    };
    expect(rollingText({ rolling, finished: false })).toBe(
      "in batch 2 of 5 (2 hosts at once, 30 s between them; stops after 10% failed)",
    );
    expect(rollingText({ rolling: { ...rolling, stopped: "too many" }, finished: true })).toContain(
      "stopped in",
    );
    expect(rollingText({ finished: true })).toBeUndefined();
  });
});

describe("another run of it", () => {
  const stopped = { counts: { completed: 4, failed: 1, unknown: 1, cancelled: 10 } };

  it.each([
    ["failed", 2, "postern execution rerun 7"],
    ["unfinished", 12, "postern execution rerun 7 --unfinished"],
    ["all", 16, "postern execution rerun 7 --all"],
  ] as const)("on %s hosts", (hosts, expected, command) => {
    expect(rerunCount(stopped, hosts)).toBe(expected);
    expect(rerunCommand(7, hosts)).toBe(command);
    const curl = rerunCurl("https://postern.example", 7, hosts);
    expect(curl).toContain("https://postern.example/api/v1/executions/7/rerun");
    expect(curl).toContain(`{"hosts":"${hosts}"}`);
  });
});
