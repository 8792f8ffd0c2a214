import { describe, expect, it } from "vitest";
import type { JobDetail } from "~/api/types";
import { argument, draftFrom, emptyDraft, missingPart, parseLabel, splitArguments, toRequest } from "./draft";

const JOB: Omit<JobDetail, "type" | "payload"> = {
  id: 1,
  summary: "",
  agent_id: 3,
  agent: "web-1",
  organization_id: 1,
  state: "completed",
  priority: "high",
  timeout_seconds: 60,
  created_at: "2026-11-22T12:00:00Z",
  created_by: "admin",
  attempt: 1,
  cancel_requested: false,
  attempts: [],
  timeline: [],
};

describe("request", () => {
  it("a command is passed on argument by argument", () => {
    const draft = {
      ...emptyDraft(["web-1"]),
      kind: "command" as const,
      arguments: ["echo", "a  b", "", "$HOME"].map(argument),
    };
    expect(toRequest(draft)).toMatchObject({
      type: "command",
      payload: { argv: ["echo", "a  b", "", "$HOME"], shell: false },
      targets: { agents: ["web-1"] },
      timeout_seconds: 300,
    });
  });

  it("a shell line is one text", () => {
    const request = toRequest({ ...emptyDraft(), by: "all", kind: "shell", line: "df -h | sort" });
    expect(request).toMatchObject({
      payload: { argv: ["df -h | sort"], shell: true },
      targets: { all: true },
    });
  });

  it("labels become pairs; a value may hold an equals sign", () => {
    const request = toRequest({ ...emptyDraft(), by: "labels", labels: ["env=prod", "q=a=b", "edge"] });
    expect(request.targets).toEqual({ labels: { env: "prod", q: "a=b", edge: "" } });
    expect(parseLabel("=x")).toBeUndefined();
  });

  it("a script carries its parameters, rows without a name are left out", () => {
    const draft = {
      ...emptyDraft(["a"]),
      content: "echo",
      parameters: [
        { id: 1, key: " count ", value: "4" },
        { id: 2, key: "", value: "lost" },
      ],
    };
    expect(toRequest(draft)).toMatchObject({ payload: { parameters: { count: "4" } } });
  });

  it.each([
    { ...JOB, type: "command", payload: { argv: ["ls", "-l"], shell: false } },
    { ...JOB, type: "command", payload: { argv: ["ls | wc"], shell: true, working_directory: "/srv" } },
    { ...JOB, type: "script", payload: { language: "python", content: "print(1)", parameters: { a: "b" } } },
  ] satisfies JobDetail[])("running a job again asks for the same work", (job) => {
    const request = toRequest(draftFrom(job));
    expect({ type: request.type, payload: request.payload }).toMatchObject({
      type: job.type,
      payload: job.payload,
    });
    expect(request).toMatchObject({ priority: "high", timeout_seconds: 60, targets: { agents: ["web-1"] } });
  });
});

describe("what is missing", () => {
  const ready = { ...emptyDraft(["a"]), content: "echo" };
  it.each([
    [ready, undefined],
    [{ ...ready, hosts: [] }, "Choose at least one host"],
    [{ ...ready, by: "labels" as const }, "Give at least one label"],
    [{ ...ready, content: " \n" }, "Give the script’s code"],
    [{ ...ready, kind: "command" as const }, "Give the program to run"],
    [{ ...ready, kind: "shell" as const }, "Give the line to run"],
    [{ ...ready, by: "all" as const, hosts: [] }, undefined],
  ])("case %#", (draft, expected) => {
    expect(missingPart(draft)).toBe(expected);
  });
});

describe("splitting a line", () => {
  it.each([
    ["ls -la /tmp", ["ls", "-la", "/tmp"]],
    ["  a   b ", ["a", "b"]],
    [`grep "two words" 'it''s'`, ["grep", "two words", "its"]],
    [`a\\ b "c\\"d" 'e\\f'`, ["a b", 'c"d', "e\\f"]],
    [`x "" ''`, ["x", "", ""]],
    ["echo $HOME *", ["echo", "$HOME", "*"]],
    ["", []],
    [`"open`, ["open"]],
  ])("%j", (line, parts) => {
    expect(splitArguments(line)).toEqual(parts);
  });
});
