import { describe, expect, it } from "vitest";
import type { Agent, CredentialState } from "~/api/types";
import { toCsv } from "~/ui/csv";
import { agentColumns } from "./columns";
import { changes } from "./EditAgentDialog";
import { agentReasons } from "./rules";

const AGENT: Agent = {
  id: 7,
  name: "web-1",
  organization_id: 1,
  organization: "default",
  department_id: 2,
  department: "network",
  labels: { env: "prod", edge: "" },
  active: true,
  health: "running",
  connection: "connected",
  credential: "live",
  created_at: "2026-11-01T00:00:00Z",
  languages: ["bash"],
  slots: 4,
};

describe("what can be done with an agent", () => {
  const reasons = (credential: CredentialState) => agentReasons({ ...AGENT, credential }, () => undefined);

  it.each<[CredentialState, boolean]>([
    ["none", false],
    ["live", true],
    ["locked", true],
    ["revoked", false],
    ["expired", false],
  ])("%s", (credential, live) => {
    const { revoke, remove, revokeAndRemove } = reasons(credential);
    expect([revoke === undefined, remove === undefined, revokeAndRemove === undefined]).toEqual([
      live,
      !live,
      live,
    ]);
  });
});

describe("editing", () => {
  const same = {
    name: "web-1",
    active: true,
    organization: 1,
    department: 2,
    labels: { edge: "", env: "prod" },
  };

  it("sends nothing that was not changed", () => {
    expect(changes(AGENT, same)).toEqual({});
  });

  it("sends what was, and 0 for no department", () => {
    expect(
      changes(AGENT, { ...same, name: "web-2", active: false, department: undefined, labels: {} }),
    ).toEqual({
      name: "web-2",
      active: false,
      department_id: 0,
      labels: {},
    });
  });
});

describe("export", () => {
  it("has every column as text", () => {
    const [head, row] = toCsv(agentColumns, [AGENT]).split("\r\n");
    expect(head).toContain(
      "Name,Organization,Department,Active,Health,Connection,Version,Token expiration,Created,Last seen,OS,Labels",
    );
    expect(row).toContain(
      "web-1,default,network,yes,Running,Connected,,,2026-11-01T00:00:00Z,,,env=prod edge",
    );
  });
});
