import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { JobPayload, JobType } from "~/api/types";
import { toWork, workFrom } from "./draft";

type Payload<T extends JobType> = Extract<JobPayload, { type: T }>["payload"];

/** Together the payloads of a type say all that it can say: no field, and no tool, is left out. */
const FULL: { [T in JobType]: Payload<T>[] } = {
  command: [
    {
      argv: ["env", "a  b", "", "two\nlines", "-x"],
      shell: false,
      environment: { LEVEL: "3", TEXT: " two\nlines ", EMPTY: "" },
      working_directory: "/srv",
      run_as_user: "www",
      requires_elevation: true,
    },
    { argv: ["ls |\n wc"], shell: true, environment: { A: "=b" } },
  ],
  script: [
    {
      language: "python",
      content: "\nprint(1)\r\n ",
      parameters: { a: " b\n", c: "" },
      secrets: ["token", "other"],
      working_directory: "/srv",
      run_as_user: "www",
      requires_elevation: true,
    },
  ],
  service_control: [{ action: "restart", service: "nginx" }],
  process_control: [
    { action: "kill", pid: 42, name: "worker", user: "www" },
    { action: "list", pid: 1 },
  ],
  network_diagnostic: [
    { tool: "ping", host: "db", count: 3, wait_seconds: 1 },
    { tool: "traceroute", host: "db", max_hops: 9, wait_seconds: 2 },
    {
      tool: "dns_lookup",
      name: "a.example",
      record_type: "MX",
      server: "9.9.9.9",
      tcp: true,
      wait_seconds: 3,
    },
    { tool: "dns_lookup", name: "a.example" },
    { tool: "netstat", protocol: "udp", listening_only: true },
    { tool: "port_check", host: "db", ports: [5432, 443], protocol: "tcp", tls: true, wait_seconds: 4 },
    {
      tool: "http_check",
      url: "https://a.example",
      expected_status: 204,
      allow_invalid_certificate: true,
      wait_seconds: 5,
    },
  ],
  software_install: [
    {
      action: "install",
      packages: [{ name: "nginx", version: "1:1.26=1" }, { name: "curl" }],
      manager: "apt",
      refresh: true,
    },
    { action: "list", refresh: true },
  ],
  user_control: [
    {
      action: "create",
      user: "deploy",
      full_name: "De Ploy",
      home: "/srv/deploy",
      shell: "/bin/sh",
      groups: ["www", "sudo"],
      system: true,
      set_password: true,
      force: true,
    },
    { action: "delete", user: "deploy", remove_home: true, force: true },
  ],
  group_control: [
    { action: "create", group: "www", members: ["a"], system: true, force: true },
    { action: "add_members", group: "www", members: ["a", "b"], force: true },
  ],
  http_request: [
    {
      method: "GET",
      url: "https://a.example/x?y",
      headers: { Accept: "text/plain", B: " c " },
      secret_headers: { Authorization: "token", "X-Api-Key": "key", "X-Other": "key" },
      body: " \n",
      expected_status: [201, 404],
      allow_invalid_certificate: true,
      extra_ca: "-----BEGIN CERTIFICATE-----\nx\n",
      max_redirects: 0,
      max_answer_bytes: 0,
    },
  ],
};

const works = Object.entries(FULL).flatMap(([type, payloads]) =>
  payloads.map((payload) => ({ type, payload }) as JobPayload),
);

describe("work that was read and is asked for again", () => {
  it.each(works)("is the same: $type $payload", (work) => {
    expect(toWork(workFrom(work)).work).toEqual(work);
  });
});

interface Schema {
  $ref?: string;
  enum?: string[];
  properties?: Record<string, Schema>;
  oneOf?: Schema[];
}

const { components } = JSON.parse(readFileSync("../openapi/postern.json", "utf8")) as {
  components: { schemas: Record<string, Schema> };
};
const named = ({ $ref: reference = "" }: Schema): Schema =>
  components.schemas[reference.split("/").at(-1) ?? ""] ?? {};

/** The API's own list of what there is. */
const variants = (components.schemas["JobPayload"]?.oneOf ?? []).flatMap(({ properties = {} }) => {
  const { type = {}, payload = {} } = properties;
  const { oneOf, ...whole } = named(payload);
  return (oneOf ?? [whole]).map((shape) => ({
    type: type.enum?.[0] ?? "",
    tool: shape.properties?.["tool"]?.enum?.[0],
    fields: Object.keys(shape.properties ?? {}),
  }));
});

describe("the payloads above", () => {
  it("are of every type that the API has", () => {
    const types = components.schemas["JobType"]?.enum ?? [];
    expect(types).not.toEqual([]);
    expect(Object.keys(FULL).sort()).toEqual([...types].sort());
  });

  it.each(variants)("say everything that can be said: $type $tool", ({ type, tool, fields }) => {
    const said = works
      .filter((work) => work.type === type)
      .map(({ payload }) => payload as Record<string, unknown>)
      .filter((payload) => tool === undefined || payload["tool"] === tool)
      .flatMap((payload) => Object.keys(payload));
    expect(fields).not.toEqual([]);
    expect([...new Set(said)].sort()).toEqual([...fields].sort());
  });
});
