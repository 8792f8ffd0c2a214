import { describe, expect, it } from "vitest";
import { splitFilter } from "./filters";
import { calendarRemoveReason, isScheduleName, scheduleReasons, scheduleState } from "./rules";
import { schedule } from "./testing";
import { SCHEDULE_STATE, stateHelp } from "./words";
import { workKind, workWords } from "./work";

const all = () => undefined;
const NEXT = "2026-11-30T02:30:00Z";

const NAMES = {
  scripts: new Map([[7, "check"]]),
  actions: new Map([[4, "restart"]]),
  workflows: new Map([[9, "release"]]),
};

describe("the state of a schedule", () => {
  it.each([
    [{ paused: true, next_at: undefined, waiting: NEXT }, "paused"],
    [{ paused: false, next_at: NEXT, waiting: NEXT }, "waiting"],
    [{ paused: false, next_at: NEXT, waiting: undefined }, "active"],
    [{ paused: false, next_at: undefined, waiting: undefined }, "ended"],
  ] as const)("%j is %s", (facts, state) => {
    expect(scheduleState(facts)).toBe(state);
  });
});

describe("what a waiting tick waits for", () => {
  const waiting = { next_at: NEXT, waiting: NEXT, waiting_reason: "The run before it is not finished" };
  it.each([
    [waiting, "The run before it is not finished"],
    [{ ...waiting, waiting_reason: undefined }, SCHEDULE_STATE.waiting.help],
    [{ ...waiting, paused: true, waiting_reason: "The schedule is paused" }, SCHEDULE_STATE.paused.help],
    [{ next_at: NEXT }, SCHEDULE_STATE.active.help],
  ])("%j: %s", (part, words) => {
    expect(stateHelp(schedule(part))).toBe(words);
  });
});

describe("what can be done", () => {
  it("a running one is paused, a paused one resumed", () => {
    const active = scheduleReasons(schedule({ next_at: NEXT }), all);
    expect([active.pause, active.resume]).toEqual([undefined, "It is not paused"]);
    const paused = scheduleReasons(schedule({ paused: true }), all);
    expect([paused.pause, paused.resume]).toEqual(["It is paused already", undefined]);
  });

  it("an ended one is not paused, but can be run, edited and deleted", () => {
    const { pause, run, edit, remove } = scheduleReasons(schedule({}), all);
    expect(pause).toContain("It has ended");
    expect([run, edit, remove]).toEqual([undefined, undefined, undefined]);
  });

  it("nothing without the permission", () => {
    const reasons = scheduleReasons(schedule({ next_at: NEXT }), (permission) => `Needs ${permission}`);
    expect(new Set(Object.values(reasons))).toEqual(new Set(["Needs jobs.manage"]));
  });

  it("what these pages have no form for is not edited here", () => {
    const odd = schedule({});
    const work = { kind: "later" } as unknown as typeof odd.definition.work;
    expect(scheduleReasons({ ...odd, definition: { ...odd.definition, work } }, all).edit).toContain(
      "use the CLI",
    );
    expect([workKind(work), workWords(work, NAMES)]).toEqual(["later", "later"]);
  });

  it("a calendar in use says by whom", () => {
    expect(calendarRemoveReason({ used_by: ["a", "b"] }, all)).toBe("It is used by a, b: change those first");
    expect(calendarRemoveReason({ used_by: [] }, all)).toBeUndefined();
  });

  it.each([
    ["nightly", true],
    ["host group webs", false],
    ["2 more that you may not see", false],
  ])("a calendar is used by %s: a schedule: %s", (user, expected) => {
    expect(isScheduleName(user)).toBe(expected);
  });
});

describe("filters of the list", () => {
  const one = schedule({ next_at: NEXT });
  it.each([
    [["zone:Europe/Brussels"], true],
    [["zone:UTC", "calendar:no"], false],
    [["calendar:no", "zone:UTC,Europe/Brussels", "state:ended"], true],
    [["calendar:yes"], false],
  ])("%j is matched here: %s", (filter, matches) => {
    expect(splitFilter(filter).matches?.(one)).toBe(matches);
  });

  it("the others are for the server, one that does not exist too", () => {
    const { asked, matches } = splitFilter(["state:active,paused", "kind:job", "nonsense:1"]);
    expect(asked).toEqual(["state:active,paused", "kind:job", "nonsense:1"]);
    expect(matches).toBeUndefined();
    expect(splitFilter(["zone:UTC", "owner:anna"]).asked).toEqual(["owner:anna"]);
  });
});

describe("what it does, in words", () => {
  it.each([
    [{ kind: "script", script_id: 7 }, "check"],
    [{ kind: "action", action_id: 4 }, "restart"],
    [{ kind: "action", action_id: 5 }, "Action 5"],
    [{ kind: "script", script_id: 7, version: 2 }, "check (version 2)"],
    [{ kind: "script", script_id: 8 }, "Script 8"],
    [{ kind: "job", job: { type: "command", payload: { argv: ["echo", "a b"] } } }, "echo 'a b'"],
    [{ kind: "job", job: { type: "command", payload: { argv: ["df | sort"], shell: true } } }, "df | sort"],
    [
      {
        kind: "job",
        job: { type: "script", payload: { language: "bash", content: "#!/bin/bash\nset -e\n\nls\n" } },
      },
      "Bash: ls",
    ],
    [
      { kind: "job", job: { type: "service_control", payload: { action: "restart", service: "nginx" } } },
      "Service restart nginx",
    ],
    [
      {
        kind: "job",
        job: { type: "software_install", payload: { action: "install", packages: [{ name: "curl" }] } },
      },
      "Software install curl",
    ],
  ] as const)("%j", (work, words) => {
    expect(workWords(work as Parameters<typeof workWords>[0], NAMES)).toBe(words);
  });
});
