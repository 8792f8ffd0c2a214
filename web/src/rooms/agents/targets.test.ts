import { describe, expect, it } from "vitest";
import { emptyTargets, missingTargets, targetsFrom, targetWords, toTargets } from "./targets";

describe("targets", () => {
  it("carry only what was said", () => {
    expect(toTargets(emptyTargets(["web-1"]))).toEqual({ agents: ["web-1"] });
    expect(toTargets({ ...emptyTargets(), selector: " env=prod,!canary ", departments: ["3"] })).toEqual({
      selector: "env=prod,!canary",
      departments: ["3"],
    });
  });

  it("all hosts leave out whatever else was chosen before", () => {
    expect(toTargets({ ...emptyTargets(["web-1"]), all: true })).toEqual({ all: true });
  });

  it("nothing chosen is missing", () => {
    expect(missingTargets(emptyTargets())).toContain("Choose hosts");
    expect(missingTargets({ ...emptyTargets(), selector: "  " })).toContain("Choose hosts");
    expect(missingTargets({ ...emptyTargets(), groups: ["edge"] })).toBeUndefined();
  });

  it("of a group made elsewhere become fields, labels as a selector", () => {
    const draft = targetsFrom({
      labels: { env: "prod", role: "web" },
      selector: "!canary",
      organizations: ["a"],
    });
    expect(draft).toMatchObject({ selector: "env=prod,role=web,!canary", organizations: ["a"], hosts: [] });
  });

  it("are said in words", () => {
    expect(targetWords({ all: true })).toBe("All hosts");
    expect(targetWords({ agents: ["a", "b"], groups: ["edge"] })).toBe("a, b; group edge");
    expect(targetWords({ selector: "env=prod", organizations: ["x", "y"] })).toBe("env=prod in x or y");
  });
});
