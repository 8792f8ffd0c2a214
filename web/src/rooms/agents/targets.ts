/** Which hosts somebody chose in a form, and the targets of the API that they become. */
import type { Organization, Targets } from "~/api/types";

export interface TargetDraft {
  all: boolean;
  /** Names of agents. */
  hosts: string[];
  /** Names of host groups. */
  groups: string[];
  /** Hosts with these labels in these places: all three narrow each other. */
  selector: string;
  /** Names, or ids where a name alone would not say which it is. */
  organizations: string[];
  departments: string[];
}

/** An organization or a department that can be chosen. */
export interface Place {
  id: number;
  name: string;
  label: string;
}

export interface PlaceOption {
  value: string;
  label: string;
}

export function emptyTargets(hosts: string[] = []): TargetDraft {
  return { all: false, hosts, groups: [], selector: "", organizations: [], departments: [] };
}

export function targetsFrom(targets: Targets): TargetDraft {
  const labels = Object.entries(targets.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return {
    all: targets.all ?? false,
    hosts: targets.agents ?? [],
    groups: targets.groups ?? [],
    selector: [...labels, ...(targets.selector ? [targets.selector] : [])].join(","),
    organizations: targets.organizations ?? [],
    departments: targets.departments ?? [],
  };
}

/** Only what was said, so that a request reads like what was chosen. */
export function toTargets(draft: TargetDraft): Targets {
  if (draft.all) {
    return { all: true };
  }
  const targets: Targets = {};
  if (draft.hosts.length > 0) {
    targets.agents = draft.hosts;
  }
  if (draft.groups.length > 0) {
    targets.groups = draft.groups;
  }
  if (draft.selector.trim() !== "") {
    targets.selector = draft.selector.trim();
  }
  if (draft.organizations.length > 0) {
    targets.organizations = draft.organizations;
  }
  if (draft.departments.length > 0) {
    targets.departments = draft.departments;
  }
  return targets;
}

export function missingTargets(draft: TargetDraft): string | undefined {
  return Object.keys(toTargets(draft)).length === 0
    ? "Choose hosts: by name, by group, or by what their labels are and where they belong"
    : undefined;
}

/** What was chosen, in a few words. */
export function targetWords(targets: Targets): string {
  if (targets.all) {
    return "All hosts";
  }
  const draft = targetsFrom(targets);
  const narrowed = [
    draft.selector,
    draft.organizations.length > 0 ? `in ${draft.organizations.join(" or ")}` : "",
    draft.departments.length > 0 ? `in department ${draft.departments.join(" or ")}` : "",
  ].filter(Boolean);
  return [
    draft.hosts.join(", "),
    draft.groups.length > 0 ? `group ${draft.groups.join(", ")}` : "",
    narrowed.join(" "),
  ]
    .filter(Boolean)
    .join("; ");
}

export function organizationPlaces(organizations: Organization[]): Place[] {
  return organizations.map(({ id, name }) => ({ id, name, label: name }));
}

export function departmentPlaces(organizations: Organization[]): Place[] {
  return organizations.flatMap((organization) =>
    organization.departments.map(({ id, name }) => ({
      id,
      name,
      label: organizations.length > 1 ? `${organization.name} / ${name}` : name,
    })),
  );
}

/** For the server a number is an id, and a name that several have means none of them. */
const isId = (text: string) => /^-?\d+$/.test(text);

/** What can be chosen, and what was, by name or id: each by its name where that says which it is, as the server shows it. */
export function placeChoice(places: Place[], chosen: string[]): { data: PlaceOption[]; value: string[] } {
  const count = new Map<string, number>();
  for (const { name } of places) {
    count.set(name, (count.get(name) ?? 0) + 1);
  }
  const said = ({ id, name }: Place) => (count.get(name) === 1 && !isId(name) ? name : String(id));
  const byId = new Map(places.map((place) => [String(place.id), said(place)]));
  const value = [...new Set(chosen.map((one) => byId.get(one) ?? one))];
  const data = places.map((place) => ({ value: said(place), label: place.label }));
  const offered = new Set(data.map((option) => option.value));
  const others = value.filter((one) => !offered.has(one)).map((one) => ({ value: one, label: one }));
  return { data: [...data, ...others], value };
}
