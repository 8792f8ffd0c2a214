import { describe, expect, it } from "vitest";
import type { Parameter, ParameterValue, ScheduleDefinition } from "~/api/types";
import { emptyTargets } from "~/rooms/agents/targets";
import { argument, emptyWork, workFrom } from "~/rooms/jobs/work/draft";
import { sentSecrets } from "~/rooms/jobs/work/kept";
import { emptyScript } from "~/rooms/scripts/saved/draft";
import { applyCommand, createCurl, updateCurl } from "./copy";
import { draftOf, emptySchedule, missingSchedule, type ScheduleDraft, toCreate, toUpdate } from "./draft";
import { inputOf } from "./problems";
import { schedule } from "./testing";

const PARAMETERS: Parameter[] = [
  { name: "whom", type: "string", default: "world" as unknown as Parameter["default"] },
  { name: "token", type: "secret", required: true },
];

function filled(part: Partial<ScheduleDraft> = {}): ScheduleDraft {
  const work = emptyWork();
  return {
    ...emptySchedule(),
    name: " nightly ",
    cron: " 30 2 * * * ",
    work: { ...work, type: "command", command: { ...work.command, arguments: [argument("uptime")] } },
    targets: emptyTargets(["web-1"]),
    ...part,
  };
}

describe("the request", () => {
  it("says what was chosen and nothing else", () => {
    expect(toCreate(filled(), [], [], false)).toEqual({
      name: "nightly",
      definition: {
        cron: "30 2 * * *",
        zone: "UTC",
        missed: "skip",
        overlap: "skip",
        work: { kind: "job", job: { type: "command", payload: { argv: ["uptime"], shell: false } } },
        targets: { agents: ["web-1"] },
      },
    });
  });

  it("has limits and a blackout where they are given", () => {
    const { definition } = toCreate(
      filled({ maxRuns: "3", endsAt: "2030-01-01T00:00:00", calendar: "5", blackoutTick: "skip" }),
      [],
      [],
      false,
    );
    expect(definition.max_runs).toBe(3);
    expect(definition.ends_at).toBe(new Date("2030-01-01T00:00:00").toISOString());
    expect(definition.blackout).toEqual({ calendar_id: 5, tick: "skip" });
  });

  it("keeps a secret parameter out of the parameters", () => {
    const script = { ...emptyScript(7), texts: { token: "hunter2" } };
    const made = toCreate(filled({ kind: "script", script }), PARAMETERS, [], false);
    expect(made.definition.work).toEqual({ kind: "script", script_id: 7, parameters: { whom: "world" } });
    expect(made.secrets).toEqual({ token: "hunter2" });
  });
});

describe("a workflow", () => {
  const INPUTS: Parameter[] = [
    { name: "what", type: "string" },
    { name: "token", type: "secret", required: true },
  ];
  const workflow = { ...emptySchedule().workflow, id: 9, texts: { what: "moon", token: "hunter2" } };

  it("is started with its inputs, on its own hosts", () => {
    const made = toCreate(filled({ kind: "workflow", workflow }), INPUTS, [], false);
    expect(made.definition).toEqual({
      cron: "30 2 * * *",
      zone: "UTC",
      missed: "skip",
      overlap: "skip",
      work: { kind: "workflow", workflow_id: 9, inputs: { what: "moon" } },
    });
    expect(made.secrets).toEqual({ token: "hunter2" });
  });

  it("is chosen, known and complete before it is saved", () => {
    const draft = (part: object) =>
      filled({ kind: "workflow", workflow: { ...workflow, ...part }, targets: emptyTargets() });
    expect(missingSchedule(draft({ id: undefined }), undefined, [])).toBe("Choose the workflow to run");
    expect(missingSchedule(draft({}), undefined, [])).toBe("What the workflow asks for is not loaded yet");
    expect(missingSchedule(draft({ texts: {} }), INPUTS, [])).toBe("Give “token”");
    expect(missingSchedule(draft({ texts: {} }), INPUTS, ["token"])).toBeUndefined();
    expect(missingSchedule(draft({}), INPUTS, [])).toBeUndefined();
  });

  it("comes back as it was saved", () => {
    const { targets: _, ...rest } = schedule({}).definition;
    const definition: ScheduleDefinition = { ...rest, work: { kind: "workflow", workflow_id: 9 } };
    const draft = draftOf(schedule({ definition, secrets: ["token"] }));
    expect(toCreate(draft, INPUTS, ["token"], false).definition).toEqual(definition);
  });

  it("may run on others, which stay when it is changed", () => {
    const { definition: made } = toCreate(
      filled({ kind: "workflow", workflow, ownHosts: false, targets: emptyTargets(["web-1"]) }),
      INPUTS,
      [],
      false,
    );
    expect(made.targets).toEqual({ agents: ["web-1"] });
    const known = schedule({ definition: made, secrets: ["token"] });
    const start = draftOf(known);
    expect(start.ownHosts).toBe(false);
    expect(toUpdate({ ...start, cron: "0 5 * * *" }, start, INPUTS, known)).toEqual({
      definition: { ...made, cron: "0 5 * * *" },
    });
    const own = draftOf(schedule({ definition: { ...made, targets: {} } }));
    expect(own.ownHosts).toBe(true);
  });

  it("has its problems beside its inputs", () => {
    expect(inputOf("definition.work.inputs.what", "workflow")).toBe("parameters.what");
    expect(inputOf("secrets.token", "workflow")).toBe("parameters.token");
    expect(inputOf("definition.work.workflow_id", "workflow")).toBe("workflow_id");
  });
});

describe("what is saved comes back as it was", () => {
  const definitions: ScheduleDefinition[] = [
    schedule({}).definition,
    {
      ...schedule({}).definition,
      missed: "run_once",
      overlap: "queue",
      max_runs: 9,
      ends_at: "2030-01-01T00:00:05.000Z",
      blackout: { calendar_id: 4, tick: "wait" },
      targets: { groups: ["edge"], selector: "a=b" },
      priority: "high",
      timeout_seconds: 60,
      rolling: { batch: { percent: 20 }, pause_seconds: 5, stop_after: { hosts: 1 } },
      concurrency: { key: "k", per: "group" },
      work: { kind: "script", script_id: 7, version: 2 },
    },
  ];
  it.each(definitions)("%j", (definition) => {
    const draft = draftOf(schedule({ definition, secrets: ["token"] }));
    const kept = definition.work.kind === "script" ? ["token"] : [];
    const made = toCreate(draft, definition.work.kind === "script" ? PARAMETERS : [], kept, false);
    const job = definition.work.kind === "job";
    expect(made.definition).toEqual(
      job
        ? {
            ...definition,
            work: { kind: "job", job: { type: "command", payload: { argv: ["uptime"], shell: false } } },
          }
        : definition,
    );
    expect(made.secrets).toBeUndefined();
  });

  it("variables of a command are kept", () => {
    const payload = { argv: ["env"], shell: false, environment: { LEVEL: "3" } };
    const job = { type: "command" as const, payload };
    const definition = { ...schedule({}).definition, work: { kind: "job" as const, job } };
    expect(toCreate(draftOf(schedule({ definition })), [], [], false).definition).toEqual(definition);
  });

  it("defaults of a script are not written into what went without them", () => {
    const definition = { ...schedule({}).definition, work: { kind: "script" as const, script_id: 7 } };
    const draft = draftOf(schedule({ definition, secrets: ["token"] }));
    expect(toCreate(draft, PARAMETERS, ["token"], false).definition.work).toEqual({
      kind: "script",
      script_id: 7,
    });
  });
});

describe("a change", () => {
  const script = schedule({
    definition: {
      ...schedule({}).definition,
      work: { kind: "script", script_id: 7, parameters: { whom: "moon" as unknown as ParameterValue } },
      targets: { labels: { env: "dev" } },
    },
    secrets: ["token"],
  });
  const start = draftOf(script);
  const update = (part: Partial<ScheduleDraft>) => toUpdate({ ...start, ...part }, start, PARAMETERS, script);
  const texts = (changed: Record<string, string>) => ({
    script: { ...start.script, texts: { ...start.script.texts, ...changed } },
  });

  it.each([
    [{}, {}],
    [{ name: "hourly " }, { name: "hourly" }],
    [{ description: "d" }, { description: "d" }],
  ])("%j leaves it whose it was: %j", (part, sent) => {
    expect(update(part)).toEqual(sent);
  });

  it("takes a description away", () => {
    const told = { ...start, description: "d" };
    expect(toUpdate({ ...told, description: "" }, told, PARAMETERS, script)).toEqual({ description: "" });
  });

  it("does not ask what a script that is gone was given", () => {
    expect(toUpdate({ ...start, name: "hourly" }, start, [], script)).toEqual({ name: "hourly" });
  });

  it("of its times sends work and hosts as they came, and no secret", () => {
    expect(update({ cron: "0 5 * * *" })).toEqual({
      definition: { ...script.definition, cron: "0 5 * * *" },
    });
  });

  it("of its work sends it", () => {
    const { definition, ...rest } = update(texts({ whom: "sun" }));
    expect(definition?.work).toEqual({ kind: "script", script_id: 7, parameters: { whom: "sun" } });
    expect(rest).toEqual({});
  });

  it("of a secret alone is a change of what it does", () => {
    expect(update(texts({ token: "hunter2" }))).toEqual({
      definition: script.definition,
      secrets: { token: "hunter2" },
    });
  });
});

describe("what is missing", () => {
  it.each([
    [{ name: " " }, "Give it a name"],
    [{ cron: "" }, "Say when: give a cron expression"],
    [{ targets: emptyTargets() }, "Choose hosts"],
    [{ maxRuns: "0" }, "at least 1"],
    [{ kind: "script" }, "Choose the script to run"],
  ] as [Partial<ScheduleDraft>, string][])("%j", (part, words) => {
    expect(missingSchedule(filled(part), [], [])).toContain(words);
  });

  it("nothing", () => {
    expect(missingSchedule(filled(), undefined, [])).toBeUndefined();
  });

  it("a secret that the server keeps is not asked for again", () => {
    const saved = filled({ kind: "script", script: emptyScript(7) });
    expect(missingSchedule(saved, PARAMETERS, [])).toBe("Give “token”");
    expect(missingSchedule(saved, PARAMETERS, ["token"])).toBeUndefined();
    const work = workFrom({
      type: "script",
      payload: { language: "bash", content: "x", secrets: ["a"] },
    });
    expect(missingSchedule(filled({ work }), undefined, [])).toBe("Give the value of a");
    expect(missingSchedule(filled({ work }), undefined, ["a"])).toBeUndefined();
  });
});

describe("secrets that are sent", () => {
  const asked = (entries: Record<string, string>) =>
    Object.entries(entries).map(([name, value]) => ({ name, value }));
  it.each([
    [{}, [], {}],
    [{ a: "" }, ["a"], {}],
    [{ a: "" }, [], {}],
    [{ a: "1" }, [], { secrets: { a: "1" } }],
    [{ a: "1" }, ["a"], { secrets: { a: "1" } }],
    [{ a: "1", b: "" }, ["a"], { secrets: { a: "1" } }],
    // Not wanted any more: forgotten.
    [{}, ["a"], { secrets: {} }],
    [{ b: "1" }, ["a"], { secrets: { b: "1" } }],
  ] as [Record<string, string>, string[], object][])("%j with %j kept: %j", (entries, kept, sent) => {
    expect(sentSecrets(asked(entries), kept)).toEqual(sent);
  });

  it("one new one would make the server forget the others", () => {
    expect(sentSecrets(asked({ a: "1", b: "" }), ["a", "b"]).missing).toContain("Give the value of b again");
    expect(sentSecrets(asked({ b: "" }), ["a", "b"]).missing).toContain("Give the value of b again");
  });
});

describe("the server's problems", () => {
  it.each([
    ["definition.cron", "job", "cron"],
    ["definition.blackout.calendar_id", "job", "blackout.calendar_id"],
    ["definition.work.job.payload.argv", "job", "payload.argv"],
    ["payload.argv", "job", "payload.argv"],
    ["secrets.password", "job", "secrets.password"],
    ["definition.work.parameters.token", "script", "parameters.token"],
    ["secrets.token", "script", "parameters.token"],
    ["name", "script", "name"],
  ] as const)("%s of a %s is at %s", (field, kind, input) => {
    expect(inputOf(field, kind)).toBe(input);
  });
});

describe("the same as a command", () => {
  const plain = toCreate(filled(), [], [], false);

  it("is the file that the program takes", () => {
    expect(applyCommand(plain)).toBe(
      [
        "postern schedule apply -f - <<'YAML'",
        "name: nightly",
        "definition:",
        '  cron: "30 2 * * *"',
        "  zone: UTC",
        "  missed: skip",
        "  overlap: skip",
        "  work:",
        "    kind: job",
        "    job:",
        "      type: command",
        "      payload:",
        "        argv:",
        "          - uptime",
        "        shell: false",
        "  targets:",
        "    agents:",
        "      - web-1",
        "YAML",
      ].join("\n"),
    );
  });

  it("never holds the value of a secret", () => {
    const script = { ...emptyScript(7), texts: { token: "hunter2" } };
    const made = toCreate(filled({ kind: "script", script }), PARAMETERS, [], false);
    for (const text of [applyCommand(made), createCurl("https://x", made)]) {
      expect(text).toContain("SECRET_TOKEN");
      expect(text).not.toContain("hunter2");
    }
    expect(applyCommand(made)).toContain("| postern schedule apply -f -");
  });

  it("changes the one that is there", () => {
    const text = updateCurl("https://x", 3, { name: "hourly" });
    expect(text).toContain("-X PATCH https://x/api/v1/schedules/3");
    expect(text).not.toContain("definition");
    const paused = toCreate(filled(), [], [], true);
    // The program says of each whether it is paused, so what is paused must stay so.
    expect(applyCommand(paused)).toContain("\npaused: true\n");
  });
});
