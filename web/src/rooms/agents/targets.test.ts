import { describe, expect, it } from "vitest";
import {
  departmentPlaces,
  emptyTargets,
  missingTargets,
  organizationPlaces,
  placeChoice,
  targetsFrom,
  targetWords,
  toTargets,
} from "./targets";

const organization = (id: number, name: string, departments: { id: number; name: string }[] = []) => ({
  id,
  tenant_id: 1,
  name,
  renew_credentials: true,
  departments,
});

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

describe("places", () => {
  const north = organization(2, "north", [
    { id: 7, name: "web" },
    { id: 8, name: "it" },
  ]);
  const organizations = [organization(1, "default", [{ id: 3, name: "web" }]), north];

  it("are chosen by name, where that says which it is", () => {
    expect(placeChoice(departmentPlaces(organizations), []).data).toEqual([
      { value: "3", label: "default / web" },
      { value: "7", label: "north / web" },
      { value: "it", label: "north / it" },
    ]);
    expect(placeChoice(organizationPlaces([...organizations, organization(9, "4711")]), []).data).toEqual([
      { value: "default", label: "default" },
      { value: "north", label: "north" },
      { value: "9", label: "4711" },
    ]);
    expect(placeChoice(departmentPlaces([north]), []).data[0]).toEqual({ value: "web", label: "web" });
  });

  it("that were chosen by id are shown as they are offered, each once", () => {
    const { data, value } = placeChoice(departmentPlaces(organizations), ["8", "it", "7"]);
    expect(value).toEqual(["it", "7"]);
    expect(data).toHaveLength(3);
  });

  it("that are not known stay as they were chosen", () => {
    const { data, value } = placeChoice(organizationPlaces(organizations), ["2", "gone"]);
    expect(value).toEqual(["north", "gone"]);
    expect(data.at(-1)).toEqual({ value: "gone", label: "gone" });
  });
});
