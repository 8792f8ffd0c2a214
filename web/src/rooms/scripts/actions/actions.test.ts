import { describe, expect, it } from "vitest";
import { ApiProblem } from "~/api/problem";
import type { ActionDetail, JobPayload, Parameter, Permission } from "~/api/types";
import { emptyTargets } from "~/rooms/agents/targets";
import { argument, emptyWork, type WorkDraft, workFrom } from "~/rooms/jobs/work/draft";
import { newParameter } from "../definition";
import { actionCurl, applyCommand, runCommand, runCurl } from "./copy";
import {
  type ActionDraft,
  definitionText,
  draftOf,
  emptyAction,
  emptyFixed,
  missingAction,
  toCreate,
} from "./draft";
import { fits, placesOf, placeWords } from "./places";
import { inputOf, problemFields } from "./problems";
import { actionReasons, type Caller, restoreReason } from "./rules";
import { draftState, runnerWords } from "./words";

const work = (part: Partial<WorkDraft>): WorkDraft => ({ ...emptyWork(), ...part });
const echo = work({
  type: "command",
  command: { ...emptyWork().command, arguments: ["echo", "hello"].map(argument) },
});
const restart = workFrom({ type: "service_control", payload: { action: "restart", service: "nginx" } });

const OPEN = [
  { ...newParameter(), name: " whom ", required: true },
  { ...newParameter(), name: "token", type: "secret" as const },
];

function filled(part: Partial<ActionDraft> = {}): ActionDraft {
  return { ...emptyAction(), name: " greet ", work: echo, targets: emptyTargets(["web-1"]), ...part };
}

function detail(part: Partial<ActionDetail>): ActionDetail {
  return {
    id: 4,
    name: "greet",
    description: "",
    type: "command",
    draft_differs: true,
    may_run: true,
    draft: {
      work: { kind: "job", job: { type: "command", payload: { argv: ["echo", "hello"] } } },
      targets: { agents: ["web-1"] },
    },
    draft_sha256: "ab",
    draft_secrets: [],
    draft_asks: [],
    asks: [],
    used_by: [],
    created_at: "2026-11-01T00:00:00Z",
    created_by: "user:1 (anna)",
    updated_at: "2026-11-01T00:00:00Z",
    updated_by: "user:1 (anna)",
    ...part,
  };
}

describe("places that a parameter can fill", () => {
  const pointers = (draft: WorkDraft) => placesOf(draft).map(({ pointer }) => pointer);

  it("are the arguments of a command, and nothing that a shell reads", () => {
    expect(pointers(echo).slice(0, 2)).toEqual(["/argv/0", "/argv/1"]);
    expect(placesOf(echo)[1]).toMatchObject({ label: "Argument 1", now: "hello" });
    const line = work({ type: "command", command: { ...echo.command, shell: true, line: "echo $1" } });
    expect(pointers(line)).toEqual(["/working_directory", "/run_as_user", "/requires_elevation"]);
  });

  it("are the variables of a command", () => {
    const command = workFrom({
      type: "command",
      payload: { argv: ["env"], environment: { LEVEL: "3" } },
    });
    expect(placesOf(command)).toContainEqual({
      pointer: "/environment/LEVEL",
      label: "Variable LEVEL",
      now: "3",
      takes: "text",
    });
  });

  it("are the parameters of a script and never its code", () => {
    const script = workFrom({
      type: "script",
      payload: { language: "bash", content: "true", parameters: { "a/b~c": "1" }, secrets: ["token"] },
    });
    expect(pointers(script)).toEqual([
      "/parameters/a~1b~0c",
      "/working_directory",
      "/run_as_user",
      "/requires_elevation",
    ]);
  });

  it("are the fields that are there, entries of lists one by one", () => {
    expect(pointers(restart)).toEqual(["/action", "/service"]);
    const ports = workFrom({
      type: "network_diagnostic",
      payload: { tool: "port_check", host: "db", ports: [22, 443] },
    });
    expect(pointers(ports)).toEqual(expect.arrayContaining(["/host", "/ports/0", "/ports/1"]));
    expect(pointers(ports)).not.toContain("/tool");
    const packages = workFrom({
      type: "software_install",
      payload: { action: "install", packages: [{ name: "curl", version: "8" }] },
    });
    expect(pointers(packages)).toEqual(expect.arrayContaining(["/packages/0/name", "/packages/0/version"]));
    const request = workFrom({
      type: "http_request",
      payload: { method: "GET", url: "http://a/", headers: { "x-a": "1" }, secret_headers: { b: "b" } },
    });
    expect(pointers(request)).toContain("/headers/x-a");
    expect(pointers(request).join()).not.toContain("secret");
  });

  it("take values of some types", () => {
    const place = (takes: "text" | "number" | "boolean", now = "") => ({
      pointer: "/x",
      label: "",
      takes,
      now,
    });
    expect(fits("string", place("text"))).toBe(true);
    expect(fits("choice", place("number"))).toBe(false);
    expect(fits("integer", place("number"))).toBe(true);
    expect(fits("integer", place("text"))).toBe(false);
    expect(fits("integer", place("text", "3"))).toBe(true);
    expect(fits("boolean", place("boolean"))).toBe(true);
    expect(fits("secret", place("text", "x"))).toBe(false);
  });

  it("that are not known are shown as they are written", () => {
    expect(placeWords("/argv/1", placesOf(echo))).toBe("Argument 1");
    expect(placeWords("/argv/9", placesOf(echo))).toBe("/argv/9");
  });
});

describe("the request", () => {
  it("says what was chosen and nothing else", () => {
    expect(toCreate(filled(), [], [])).toEqual({
      name: "greet",
      definition: {
        work: { kind: "job", job: { type: "command", payload: { argv: ["echo", "hello"], shell: false } } },
        targets: { agents: ["web-1"] },
      },
    });
  });

  it("has open parameters with their places, secret ones without", () => {
    const { definition } = toCreate(
      filled({ parameters: OPEN, places: { [OPEN[0]?.id ?? 0]: "/argv/1" }, runners: ["role:operator"] }),
      [],
      [],
    );
    expect(definition.parameters).toEqual([
      { name: "whom", type: "string", required: true },
      { name: "token", type: "secret" },
    ]);
    expect(definition.fills).toEqual({ whom: "/argv/1" });
    expect(definition.runners).toEqual(["role:operator"]);
  });

  const PARAMETERS: Parameter[] = [
    { name: "path", type: "string", default: "/tmp" as unknown as Parameter["default"] },
    { name: "level", type: "integer", required: true },
    { name: "token", type: "secret" },
  ];

  it("fixes of a script's parameters what was said, the secret ones beside it", () => {
    const script = {
      ...emptyFixed(7),
      fixed: ["path", "token"],
      texts: { path: "", token: "t0ken", level: "3" },
    };
    const made = toCreate(filled({ kind: "script", script, parameters: OPEN }), PARAMETERS, []);
    expect(made.definition).toEqual({
      work: { kind: "script", script_id: 7, parameters: { path: "" } },
      targets: { agents: ["web-1"] },
    });
    expect(made.secrets).toEqual({ token: "t0ken" });
  });

  it("is the same again when nothing was changed, and sends no secret", () => {
    const action = detail({
      draft: {
        work: { kind: "script", script_id: 7, version: 2, parameters: { path: "/srv" as never } },
        targets: { selector: "env=dev" },
        timeout_seconds: 9,
        runners: ["user:5"],
      },
      draft_secrets: ["token"],
    });
    const made = toCreate(draftOf(action), PARAMETERS, ["token"]);
    expect(made.definition).toEqual(action.draft);
    expect(made.secrets).toBeUndefined();
  });

  it("keeps variables, and the names of secrets with those that are kept", () => {
    const command = { argv: ["env"], shell: false, environment: { LEVEL: "3" } };
    const call = { method: "GET", url: "http://a/", secret_headers: { "X-Key": "api" }, body: "x" };
    const jobs: JobPayload[] = [
      { type: "command", payload: command },
      { type: "http_request", payload: call },
    ];
    for (const job of jobs) {
      const action = detail({ draft: { ...detail({}).draft, work: { kind: "job", job } } });
      const kept = job.type === "http_request" ? ["api"] : [];
      expect(missingAction(draftOf(action), undefined, kept)).toBeUndefined();
      expect(toCreate(draftOf(action), [], kept)).toMatchObject({ definition: action.draft });
      expect(toCreate(draftOf(action), [], kept).secrets).toBeUndefined();
    }
  });

  it("keeps the places of what was loaded", () => {
    const action = detail({
      draft: {
        ...detail({}).draft,
        parameters: [{ name: "whom", type: "string" }],
        fills: { whom: "/argv/1" },
      },
    });
    expect(toCreate(draftOf(action), [], []).definition.fills).toEqual({ whom: "/argv/1" });
  });
});

describe("a definition as text", () => {
  it("is the same in whatever order it was written", () => {
    const { work, targets } = detail({}).draft;
    expect(definitionText({ work, targets, fills: { a: "/x", b: "/y" } })).toBe(
      definitionText({ fills: { b: "/y", a: "/x" }, targets, work }),
    );
    expect(definitionText({ work, targets })).not.toBe(definitionText({ work, targets: { all: true } }));
  });
});

describe("what is missing", () => {
  it("is told one by one", () => {
    expect(missingAction(filled(), undefined, [])).toBeUndefined();
    expect(missingAction(filled({ name: " " }), undefined, [])).toBe("Give it a name");
    expect(missingAction(filled({ parameters: [newParameter()] }), undefined, [])).toContain("a name");
    expect(missingAction(filled({ parameters: OPEN }), undefined, [])).toBe(
      "Choose the place that “whom” fills",
    );
    expect(missingAction(filled({ targets: emptyTargets() }), undefined, [])).toContain("Choose hosts");
    expect(missingAction(filled({ kind: "script" }), undefined, [])).toBe("Choose the script to run");
  });

  it("a secret that is asked for at each run need not be given", () => {
    const call = workFrom({
      type: "http_request",
      payload: { method: "GET", url: "http://a/", secret_headers: { token: "token" } },
    });
    expect(missingAction(filled({ work: call }), undefined, [])).toBe("Give the value of token");
    const open = filled({ work: call, parameters: OPEN.slice(1) });
    expect(missingAction(open, undefined, [])).toBeUndefined();
    expect(toCreate(open, [], []).secrets).toBeUndefined();
    // What was kept until now is dropped.
    expect(toCreate(open, [], ["token"]).secrets).toEqual({});
  });

  it("a fixed parameter without a value", () => {
    const script = { ...emptyFixed(7), fixed: ["level"] };
    const asks: Parameter[] = [{ name: "level", type: "integer" }];
    expect(missingAction(filled({ kind: "script", script }), asks, [])).toContain("“level”");
  });
});

describe("problems of the server", () => {
  it.each([
    ["definition.work.job.payload.service", "job", "payload.service"],
    ["definition.work.parameters.token", "script", "parameters.token"],
    ["definition.parameters.whom", "job", "definition.parameters.whom"],
    ["definition.fills.whom", "job", "definition.fills.whom"],
    ["definition.runners[0]", "job", "definition.runners[0]"],
    ["definition.timeout_seconds", "job", "timeout_seconds"],
    ["secrets.token", "script", "parameters.token"],
    ["targets.agents", "job", "targets.agents"],
  ] as const)("%s of a %s stand at %s", (field, kind, input) => {
    expect(inputOf(field, kind)).toBe(input);
  });

  it("with all kept secrets stand at each of them", () => {
    const error = new ApiProblem({
      type: "x",
      title: "x",
      status: 422,
      code: "invalid_request",
      detail: "x",
      errors: [{ field: "secrets", message: "must be given again" }],
    });
    expect(problemFields(error, "script", ["token"]).map(({ field }) => field)).toEqual([
      "secrets",
      "parameters.token",
    ]);
  });
});

describe("what can be done", () => {
  const all = () => undefined;
  const none = (permission: Permission) => `Needs the permission ${permission}`;
  const operator = (permission: Permission) => (permission === "users.manage" ? none(permission) : undefined);
  const anna: Caller = {
    id: 5,
    bindings: [{ id: 1, role: "operator", scope: { kind: "organization", id: 2 } }],
  };
  const FOR_OTHERS =
    /^You are not among those who may run it, and only they .* users\.manage there may change it$/;

  it("running needs a deployed version and to be among the runners, trying the draft only the latter", () => {
    const fresh = actionReasons(detail({}), all, anna);
    expect([fresh.run, fresh.tryDraft, fresh.deploy]).toEqual([
      "It is not deployed: deploy its draft first",
      undefined,
      undefined,
    ]);
    const { draft: _, ...listed } = detail({ version: 2, may_run: false, draft_differs: false });
    const others = actionReasons(listed, all, anna);
    expect(others.run).toBe("You are not among those who may run it");
    expect(others.tryDraft).toBe(others.run);
    const changed = actionReasons({ ...listed, draft_differs: true }, all, anna);
    expect(changed.tryDraft).toBeUndefined();
    expect(others.deploy).toBe("The draft says what version 2 says");
  });

  it("who may not run it does not change it either, unless they give out the rights there", () => {
    const action = detail({ version: 2, may_run: false });
    const { run, schedule, edit, clone, deploy, remove } = actionReasons(action, operator, anna);
    expect([run, schedule]).toEqual(Array(2).fill("You are not among those who may run it"));
    for (const reason of [edit, clone, deploy, remove]) {
      expect(reason).toMatch(FOR_OTHERS);
    }
    const mending = actionReasons(action, all, anna);
    expect([mending.edit, mending.clone, mending.deploy, mending.remove]).toEqual(Array(4).fill(undefined));
    expect(mending.run).toBe(run);
  });

  it.each<[string[], Partial<ActionDetail>, boolean]>([
    [[], {}, true],
    [["user:5"], {}, true],
    [["user:55"], {}, false],
    [["role:operator"], { organization_id: 2 }, true],
    [["role:operator"], { organization_id: 2, department_id: 9 }, true],
    [["role:operator"], { organization_id: 3 }, false],
    [["role:operator"], {}, false],
    [["role:admin", "role:auditor"], { organization_id: 2 }, false],
    [["role:auditor", "user:5"], {}, true],
  ])("a draft for %j at %j: %s", (runners, place, may) => {
    const draft = { ...detail({}).draft, runners };
    const action = detail({ version: 2, draft, ...place });
    const { run, tryDraft, edit } = actionReasons(action, operator, anna);
    expect(run).toBeUndefined();
    expect(tryDraft === undefined).toBe(may);
    expect(edit === undefined).toBe(may);
    expect(restoreReason(draft, action, operator, anna) === undefined).toBe(may);
    expect(restoreReason(draft, action, all, anna)).toBeUndefined();
  });

  it("administrators are called admin for short, and a role in the tenant counts everywhere in it", () => {
    const boss: Caller = {
      id: 1,
      bindings: [{ id: 1, role: "administrator", scope: { kind: "tenant", id: 1 } }],
    };
    const draft = { ...detail({}).draft, runners: ["role:admin"] };
    expect(actionReasons(detail({ draft, organization_id: 7 }), operator, boss).edit).toBeUndefined();
  });

  it("one that is used stays, and who may only look does nothing", () => {
    const used = detail({ used_by: [{ kind: "schedule", id: 1, name: "nightly" }] });
    expect(actionReasons(used, all, anna).remove).toBe("It is used by schedule nightly: change those first");
    expect(Object.values(actionReasons(detail({ version: 1 }), none, anna))).toEqual(
      Array(7).fill("Needs the permission jobs.manage"),
    );
  });
});

describe("words", () => {
  it("of the draft's state and of runners", () => {
    expect(draftState({ draft_differs: true }).label).toBe("Not deployed");
    expect(draftState({ version: 1, draft_differs: true }).label).toBe("Draft differs");
    expect(draftState({ version: 1, draft_differs: false }).label).toBe("Deployed");
    const users = new Map([[5, "anna"]]);
    expect(["role:operator", "user:5", "user:6"].map((one) => runnerWords(one, users))).toEqual([
      "Operator (role)",
      "anna",
      "User 6",
    ]);
  });
});

describe("the same as a command", () => {
  const asks: Parameter[] = [
    { name: "whom", type: "string" },
    { name: "token", type: "secret" },
  ];
  const request = { parameters: { whom: "it's" as never, token: "hunter2" as never }, draft: true };

  it("runs it, and names secrets only", () => {
    expect(runCommand("greet", asks, request)).toBe(
      "postern action run greet '--param=whom=it'\\''s' --draft --secret=token",
    );
    const curl = runCurl("https://postern.test", 4, asks, request);
    expect(curl).toContain("https://postern.test/api/v1/actions/4/run");
    expect(curl).toContain("SECRET_TOKEN");
    expect(curl).not.toContain("hunter2");
  });

  it("makes it, or changes its draft", () => {
    const made = toCreate(filled(), [], []);
    expect(applyCommand(made)).toContain("postern action apply -f - <<'YAML'\nname: greet\n");
    const secret = { ...made, secrets: { token: "hunter2" } };
    expect(applyCommand(secret)).not.toContain("hunter2");
    expect(actionCurl("https://postern.test", made, 4)).toContain(
      "-X PATCH https://postern.test/api/v1/actions/4",
    );
  });
});
