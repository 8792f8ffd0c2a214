import { describe, expect, it } from "vitest";
import type { GroupBlackout } from "~/api/types";
import { blackoutFrom, blackoutWords, changedBlackout, toBlackout } from "./blackout";

const WAIT: GroupBlackout = { calendar_id: 4, jobs: "wait" };

describe("the blackout of a host group", () => {
  it.each([[undefined], [WAIT], [{ calendar_id: 7, jobs: "skip" }]] as [GroupBlackout | undefined][])(
    "%j comes back as it was",
    (blackout) => {
      expect(toBlackout(blackoutFrom(blackout))).toEqual(blackout);
      expect(changedBlackout(blackoutFrom(blackout), blackout)).toBeUndefined();
    },
  );

  it("of none is absent, too, where the server says null", () => {
    expect(changedBlackout(blackoutFrom(null), null)).toBeUndefined();
  });

  it.each([
    [{ calendar: "4", jobs: "skip" }, WAIT, { calendar_id: 4, jobs: "skip" }],
    [{ calendar: "5", jobs: "wait" }, WAIT, { calendar_id: 5, jobs: "wait" }],
    [{ calendar: "5", jobs: "wait" }, undefined, { calendar_id: 5, jobs: "wait" }],
    // Calendar 0 takes it away.
    [{ calendar: "", jobs: "wait" }, WAIT, { calendar_id: 0, jobs: "wait" }],
    [{ calendar: "", jobs: "skip" }, undefined, undefined],
  ] as const)("%j after %j is sent as %j", (draft, before, sent) => {
    expect(changedBlackout(draft, before)).toEqual(sent);
  });

  it("is told with the calendar's name, where that is known", () => {
    expect(blackoutWords(WAIT, new Map([[4, "freeze"]]))).toBe("freeze: jobs wait");
    expect(blackoutWords({ ...WAIT, jobs: "skip" }, new Map())).toBe("calendar 4: jobs are skipped");
  });
});
