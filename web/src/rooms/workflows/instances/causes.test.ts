import { describe, expect, it } from "vitest";
import type { EventCause } from "~/api/types";
import { begunIn, placeOf } from "./causes";

const cause = (kind: EventCause["kind"], more: object = {}) => ({ kind, ...more }) as EventCause;

describe("the page of what an event came of", () => {
  it.each([
    [cause("job_ended", { step: "look", run: 1, execution_id: 7 }), { page: "execution", id: 7 }],
    [cause("approval_answered", { approval_id: 3, user_id: 2, run: 1 }), { page: "approval", id: 3 }],
    [cause("child_ended", { instance_id: 9, run: 1 }), { page: "instance", id: 9 }],
    [cause("parent", { instance_id: 4, run: 2 }), { page: "instance", id: 4 }],
    [cause("schedule", { schedule_id: 5 }), { page: "schedule", id: 5 }],
  ])("%j", (given, place) => {
    expect(placeOf(given)).toEqual(place);
  });

  it.each([
    cause("user", { user_id: 1 }),
    cause("timer", { step: "rest", run: 2 }),
    cause("server"),
    null,
    undefined,
  ])("is none of %j", (given) => {
    expect(placeOf(given)).toBeUndefined();
  });
});

describe("what an event says was begun", () => {
  it.each([
    [
      "Jobs on 2 hosts, execution 29",
      { before: "Jobs on 2 hosts, ", words: "execution 29", after: "", place: { page: "execution", id: 29 } },
    ],
    [
      "Job on web-1, execution 7",
      { before: "Job on web-1, ", words: "execution 7", after: "", place: { page: "execution", id: 7 } },
    ],
    [
      "Started instance 14 of rollout",
      {
        before: "Started ",
        words: "instance 14",
        after: " of rollout",
        place: { page: "instance", id: 14 },
      },
    ],
  ])("%s", (text, led) => {
    expect(begunIn(text)).toEqual(led);
  });

  it.each(["Began, the start", "Told ops, execution 29", "anna approved: Started instance 14 of rollout"])(
    "is nothing in %s",
    (text) => {
      expect(begunIn(text)).toBeUndefined();
    },
  );
});
