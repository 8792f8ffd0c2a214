import { describe, expect, it } from "vitest";
import { type Pair, toPairs } from "~/ui/KeyValueEditor";
import {
  argument,
  emptyWork,
  missingWork,
  splitArguments,
  toWork,
  type WorkDraft,
  workFields,
  workFrom,
} from "./draft";
import type { Values } from "./fields";
import type { FieldedType } from "./types";

const filled = (type: FieldedType, values: Values): WorkDraft => {
  const draft = emptyWork();
  return { ...draft, type, values: { ...draft.values, [type]: { ...draft.values[type], ...values } } };
};

describe("work", () => {
  it("a command is passed on argument by argument", () => {
    const list = ["echo", "a  b", "", "$HOME"].map(argument);
    const draft: WorkDraft = {
      ...emptyWork(),
      type: "command",
      command: { ...emptyWork().command, arguments: list },
    };
    expect(toWork(draft).work).toEqual({
      type: "command",
      payload: { argv: ["echo", "a  b", "", "$HOME"], shell: false },
    });
  });

  it("a shell line is one text", () => {
    const draft: WorkDraft = {
      ...emptyWork(),
      type: "command",
      command: { ...emptyWork().command, shell: true, line: "df -h | sort" },
    };
    expect(toWork(draft).work.payload).toEqual({ argv: ["df -h | sort"], shell: true });
  });

  it("secret parameters of a script are named in the payload, their values beside it", () => {
    const draft = emptyWork();
    const { work, secrets } = toWork({
      ...draft,
      script: {
        ...draft.script,
        content: "echo",
        parameters: [
          { id: 1, key: " count ", value: "4" },
          { id: 2, key: "", value: "lost" },
        ],
        secrets: [{ id: 3, key: "token", value: "hunter2" }],
      },
    });
    expect(work.payload).toMatchObject({ parameters: { count: "4" }, secrets: ["token"] });
    expect(JSON.stringify(work)).not.toContain("hunter2");
    expect(secrets).toEqual({ token: "hunter2" });
  });

  it("fields that are not shown are not sent, whatever is in them", () => {
    const draft = filled("network_diagnostic", { tool: "netstat", host: "db", listening_only: true });
    expect(toWork(draft).work.payload).toEqual({ tool: "netstat", listening_only: true });
  });

  it("a password of a user goes beside the payload", () => {
    const { work, secrets } = toWork(
      filled("user_control", { action: "reset_password", user: "deploy", password: "s3cret" }),
    );
    expect(work.payload).toEqual({ action: "reset_password", user: "deploy" });
    expect(secrets).toEqual({ password: "s3cret" });
  });

  it("secret headers name their secret", () => {
    const { work, secrets } = toWork(
      filled("http_request", {
        method: "GET",
        url: "https://a.example",
        secret_headers: [{ id: 1, key: "X-Api-Key", value: "k" }],
      }),
    );
    expect(work.payload).toMatchObject({ secret_headers: { "X-Api-Key": "x_api_key" } });
    expect(secrets).toEqual({ x_api_key: "k" });
  });

  it("secret headers whose names are alike have secrets of their own", () => {
    const { work, secrets } = toWork(
      filled("http_request", {
        secret_headers: [
          { id: 1, key: "X-A", value: "one" },
          { id: 2, key: "X_A", value: "two" },
          { id: 3, key: "X-B", value: "three", secret: "x_a_2" },
        ],
      }),
    );
    expect(work.payload).toMatchObject({ secret_headers: { "X-A": "x_a", X_A: "x_a_3", "X-B": "x_a_2" } });
    expect(secrets).toEqual({ x_a: "one", x_a_3: "two", x_a_2: "three" });
  });

  it("a secret that several headers have is given once", () => {
    const shared = (one: string, other: string) =>
      filled("http_request", {
        url: "https://a",
        secret_headers: [
          { id: 1, key: "A", value: one, secret: "token" },
          { id: 2, key: "B", value: other, secret: "token" },
        ],
      });
    expect(toWork(shared("", "k")).secrets).toEqual({ token: "k" });
    expect(missingWork(shared("", "k"))).toBeUndefined();
    expect(missingWork(shared("", ""))).toBe("Give the value of A");
    expect(missingWork(shared("", ""), ["token"])).toBeUndefined();
    expect(missingWork(shared("k", "other"))).toBe(
      "Give A and B the same value: they have one secret, token",
    );
  });

  it("rows that are read are told apart from rows that are added", () => {
    const { http_request: values } = workFrom({
      type: "http_request",
      payload: { method: "GET", url: "https://a", headers: { A: "1" }, secret_headers: { B: "b" } },
    }).values;
    const ids = [values["headers"], values["secret_headers"], toPairs({ C: "3" })].flatMap((pairs) =>
      (pairs as Pair[]).map(({ id }) => id),
    );
    expect(new Set(ids).size).toBe(3);
  });
});

describe("what is missing", () => {
  const script = (content: string): WorkDraft => {
    const draft = emptyWork();
    return { ...draft, script: { ...draft.script, content } };
  };
  it.each<[WorkDraft, string | undefined]>([
    [script("echo"), undefined],
    [script(" \n"), "Give the script’s code"],
    [{ ...emptyWork(), type: "command" }, "Give the program to run"],
    [filled("service_control", {}), "Give “Service”"],
    [filled("service_control", { service: "nginx" }), undefined],
    [filled("process_control", { action: "list" }), undefined],
    [filled("process_control", { action: "kill" }), "Say which process: give its id or its name"],
    [filled("process_control", { pid: "0" }), "Process id must be a whole number from 1 to 2147483647"],
    [
      filled("process_control", { action: "kill", pid: "1" }),
      "Process 1 is the init process, which is never ended",
    ],
    [
      filled("network_diagnostic", { tool: "port_check", host: "a", ports: ["http"] }),
      "http is not a number from 1 to 65535",
    ],
    [filled("software_install", { action: "remove" }), "Give at least one package"],
    [filled("software_install", { action: "list" }), undefined],
    [filled("group_control", { action: "add_members", group: "www" }), "Give at least one member"],
    [
      filled("http_request", { url: "https://a", secret_headers: [{ id: 1, key: "A", value: "" }] }),
      "Give the value of A",
    ],
  ])("case %#", (draft, expected) => {
    expect(missingWork(draft)).toBe(expected);
  });

  it("the server's problems have a place at each field", () => {
    expect(workFields(filled("user_control", {}))).toContain("secrets.password");
    const headers = { url: "https://a", secret_headers: [{ id: 1, key: "X-Api-Key", value: "" }] };
    expect(workFields(filled("http_request", headers))).toContain("secrets.x_api_key");
    const command = workFrom({ type: "command", payload: { argv: ["env"], environment: { PATH: "/" } } });
    expect(workFields(command)).toContain("payload.environment.PATH");
    expect(workFields(filled("service_control", {}))).toEqual(["payload.action", "payload.service"]);
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
