import { describe, expect, it } from "vitest";
import type { JobState } from "~/api/types";
import { jobReasons } from "./rules";
import { actorName, withActorName } from "./words";

const STATES: JobState[] = [
  "queued",
  "pending",
  "running",
  "completed",
  "failed",
  "timeout",
  "cancelled",
  "unknown",
];
const allowed = () => undefined;

const possible = (change: "cancel" | "retry" | "remove") =>
  STATES.filter((state) => jobReasons({ state, cancel_requested: false }, allowed)[change] === undefined);

describe("what can be done with a job", () => {
  it("follows the table of states", () => {
    expect(possible("cancel")).toEqual(["queued", "pending", "running"]);
    expect(possible("retry")).toEqual(["failed", "timeout", "unknown"]);
    expect(possible("remove")).toEqual(["completed", "failed", "cancelled", "unknown"]);
  });

  it("the reason names the state", () => {
    expect(jobReasons({ state: "running", cancel_requested: false }, allowed).remove).toContain(
      "It is running",
    );
  });

  it("a job is cancelled once", () => {
    expect(jobReasons({ state: "running", cancel_requested: true }, allowed).cancel).toContain(
      "being cancelled",
    );
  });

  it("of an action that is for others is not retried, but cancelled and deleted", () => {
    const failed = { state: "failed" as const, cancel_requested: false, may_repeat: false };
    expect(jobReasons(failed, allowed).retry).toContain("for others");
    expect(jobReasons(failed, allowed).remove).toBeUndefined();
    expect(jobReasons({ ...failed, state: "running" }, allowed).cancel).toBeUndefined();
    expect(jobReasons({ ...failed, may_repeat: true }, allowed).retry).toBeUndefined();
  });

  it("without the permission nothing can be done, and that is the reason", () => {
    const reasons = jobReasons(
      { state: "failed", cancel_requested: false },
      (permission) => `needs ${permission}`,
    );
    expect(new Set(Object.values(reasons))).toEqual(new Set(["needs jobs.manage"]));
  });
});

it.each([
  ["by user:1 (admin)", "by admin"],
  ["Cancel: by user:1 (admin): too late", "Cancel: by admin: too late"],
  ["by schedule:3 (nightly) for user:1 (admin)", "by admin"],
  ["by hand, says user:1 (admin)", "by hand, says user:1 (admin)"],
  ["ghost: The agent is not connected", "ghost: The agent is not connected"],
])("whoever did it is called by name: %s", (text, words) => {
  expect(withActorName(text)).toBe(words);
});

it.each([
  ["user:5 (anna)", "anna"],
  ["instance:6 (calls) for user:1 (admin)", "admin, through calls"],
  ["schedule:7 (nightly (old)) for user:5 (anna)", "anna, through nightly (old)"],
  ["anonymous", "anonymous"],
])("the name of %s", (actor, name) => {
  expect(actorName(actor)).toBe(name);
});
