import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import type { JobCreate, JobPayload } from "~/api/types";
import { shellWord } from "~/ui/shell";
import { jobCommand, jobCommandText } from "./cli";
import { curlCommand } from "./curl";

const HOSTILE = [
  "plain",
  "two words",
  "it's",
  "'; rm -rf / #",
  "$(reboot)",
  "`id`",
  "$" + "{HOME}",
  "a\nb",
  'say "hi"',
  "\\",
  "*",
  "~",
  "!!",
  "-rf",
  "--all",
  "",
  "ünïcode",
  "%s",
  "a&b|c;d<e>f",
];

/** What a real shell makes of a line: its words, one by one. */
function words(line: string): string[] {
  const script = `f() { for word; do printf '%s\\0' "$word"; done; }\nf ${line}`;
  return execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
}

const targets = { agents: ["web1"] };
const create = (work: JobPayload, rest: Partial<JobCreate> = {}): JobCreate =>
  ({ ...work, targets, ...rest }) as JobCreate;

describe("quoting", () => {
  it.each(HOSTILE)("a shell reads back %j", (text) => {
    expect(words(shellWord(text))).toEqual([text]);
  });

  it("arguments of a command arrive as they are", () => {
    const line = jobCommand(create({ type: "command", payload: { argv: HOSTILE } }));
    expect(words(line)).toEqual(["postern", "job", "run", "--agent=web1", "--", ...HOSTILE]);
  });

  it.each(HOSTILE)("a target is a value even if it looks like an option: %j", (name) => {
    const line = jobCommand(
      create(
        { type: "service_control", payload: { action: "restart", service: "nginx" } },
        { targets: { agents: [name] } },
      ),
    );
    expect(words(line)).toEqual(["postern", "job", "service", "restart", "nginx", `--agent=${name}`]);
  });

  it("a service that looks like an option stands behind two dashes", () => {
    const line = jobCommand(
      create({ type: "service_control", payload: { action: "stop", service: "--all" } }),
    );
    expect(words(line)).toEqual(["postern", "job", "service", "stop", "--agent=web1", "--", "--all"]);
  });
});

describe("the command line", () => {
  const table: [JobPayload, string][] = [
    [
      { type: "process_control", payload: { action: "force_kill", name: "worker" } },
      "job process force-kill --name=worker",
    ],
    [
      { type: "network_diagnostic", payload: { tool: "ping", host: "db", count: 3 } },
      "job network ping db --count=3",
    ],
    [
      { type: "network_diagnostic", payload: { tool: "dns_lookup", name: "a.b", record_type: "MX" } },
      "job network dns a.b --type=MX",
    ],
    [
      { type: "network_diagnostic", payload: { tool: "port_check", host: "db", ports: [80, 443] } },
      "job network port db 80 443",
    ],
    [
      {
        type: "software_install",
        payload: { action: "install", packages: [{ name: "nginx", version: "1.26" }] },
      },
      "job software install nginx=1.26",
    ],
    [
      { type: "user_control", payload: { action: "reset_password", user: "deploy" } },
      "job user reset-password deploy",
    ],
    [
      { type: "group_control", payload: { action: "add_members", group: "www", members: ["a", "b"] } },
      "job group add www a b",
    ],
    [
      { type: "http_request", payload: { method: "GET", url: "https://a/b", headers: { A: "x y" } } },
      "job http GET https://a/b -H 'A:x y'",
    ],
    [
      { type: "user_control", payload: { action: "create", user: "deploy", groups: ["sudo"], force: true } },
      "job user create deploy --member-of=sudo --force",
    ],
    [
      {
        type: "http_request",
        payload: { method: "GET", url: "https://a", secret_headers: { A: "token" }, body: "b" },
      },
      "job http GET https://a --secret-header=A=token --body=b",
    ],
  ];
  it.each(table)("case %#", (work, expected) => {
    expect(jobCommand(create(work))).toBe(`postern ${expected} --agent=web1`);
  });

  it("sets the variables of a command", () => {
    const environment = { LEVEL: "3", TEXT: "it's = $HOME" };
    const line = jobCommand(create({ type: "command", payload: { argv: ["env"], environment } }));
    expect(words(line).slice(3)).toEqual([
      "--agent=web1",
      "--env=LEVEL=3",
      "--env=TEXT=it's = $HOME",
      "--",
      "env",
    ]);
  });

  it("carries hosts and how", () => {
    const line = jobCommand(
      create(
        { type: "command", payload: { argv: ["true"] } },
        {
          targets: {
            selector: "env=prod,role in (web,api),!canary",
            organizations: ["a b"],
            groups: ["edge"],
          },
          priority: "high",
          timeout_seconds: 60,
          not_before: "2026-11-22T10:00:00.000Z",
          rolling: { batch: { percent: 20 }, pause_seconds: 5, stop_after: { hosts: 2 } },
          concurrency: { key: "k 1", per: "tenant" },
        },
      ),
    );
    expect(words(line)).toEqual([
      ..."postern job run".split(" "),
      "--selector=env=prod,role in (web,api),!canary",
      "--organization=a b",
      "--group=edge",
      "--batch=20%",
      "--pause=5s",
      "--stop-after=2",
      "--priority=high",
      "--timeout=60s",
      "--not-before=2026-11-22T10:00:00.000Z",
      "--concurrency-key=k 1",
      "--concurrency-per=tenant",
      "--",
      "true",
    ]);
  });

  it("a script's code stands on standard input and ends where it ends", () => {
    const content = "echo 'SCRIPT'\nSCRIPT\necho $HOME";
    const text = jobCommandText(create({ type: "script", payload: { language: "bash", content } }));
    const heard = execFileSync("sh", ["-c", `postern() { cat; }\n${text}`], { encoding: "utf8" });
    expect(heard).toBe(`${content}\n`);
  });
});

describe("what a line reads", () => {
  const heard = (text: string) =>
    execFileSync("sh", ["-c", `postern() { cat; printf '|'; cat <&3; }\n${text}`], {
      encoding: "utf8",
      input: "",
    });

  it("a body that looks like a file's name, and certificates, reach the command as they are", () => {
    const text = jobCommandText(
      create({
        type: "http_request",
        payload: { method: "POST", url: "https://a", body: "@it's me", extra_ca: "-----BEGIN\nPEM\n" },
      }),
    );
    expect(text).toContain("--body=@-");
    expect(heard(text)).toBe("@it's me|-----BEGIN\nPEM\n");
  });
});

describe("secrets", () => {
  const request = create(
    {
      type: "http_request",
      payload: { method: "GET", url: "https://a", secret_headers: { "X-Key": "x_key" } },
    },
    { secrets: { x_key: "hunter2 '$()" } },
  );

  it("are named on the command line, and nothing more", () => {
    const line = jobCommandText(request);
    expect(line).toContain("--secret=x_key");
    expect(line).not.toContain("hunter2");
  });

  const curl = () =>
    curlCommand({
      origin: "https://postern.example",
      path: "/api/v1/jobs",
      body: request,
      secrets: [["secrets", "x_key"]],
    });

  it("stand in variables of curl, which a comment names", () => {
    expect(curl()).not.toContain("hunter2");
    expect(curl().split("\n")[0]).toContain("SECRET_X_KEY");
    expect(curl()).toContain('"Authorization: Bearer $POSTERN_TOKEN"');
  });

  it("are put in by jq, whatever characters they have", () => {
    const script = `curl() { cat; }\nSECRET_X_KEY=$1\n${curl()}`;
    const sent = execFileSync("sh", ["-c", script, "sh", request.secrets?.["x_key"] ?? ""], {
      encoding: "utf8",
    });
    expect(JSON.parse(sent)).toEqual(request);
  });

  it("the request of curl is read back by a shell as it was", () => {
    const body = create({ type: "command", payload: { argv: HOSTILE } });
    const text = curlCommand({ origin: "https://p", path: "/api/v1/jobs", body, secrets: [] });
    const script = `curl() { for last; do :; done; printf '%s' "$last"; }\n${text}`;
    expect(JSON.parse(execFileSync("sh", ["-c", script], { encoding: "utf8" }))).toEqual(body);
  });
});
