import { MultiSelect, SegmentedControl, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { Agent } from "~/api/types";
import { organizationsOptions } from "~/rooms/identity/api";
import { agentKey, agentList, groupsOptions } from "./api";
import classes from "./HostPicker.module.css";
import { HostsPreview } from "./HostsPreview";
import { departmentPlaces, organizationPlaces, type Place, placeChoice, type TargetDraft } from "./targets";
import { ConnectionText } from "./words";

const OFFERED = 50;

export const TARGET_FIELDS = [
  "targets",
  "targets.agents",
  "targets.groups",
  "targets.labels",
  "targets.selector",
  "targets.organizations",
  "targets.departments",
] as const;

interface HostPickerProps {
  draft: TargetDraft;
  onChange: (draft: TargetDraft) => void;
  /** By field of the API, like `targets.selector`. */
  errors: Record<string, string | undefined>;
  /** A host group holds no groups. */
  withoutGroups?: boolean;
}

/** Hosts by name, by group, or by what they are, with a look at which ones that is now. */
export function HostPicker({ draft, onChange, errors, withoutGroups }: HostPickerProps) {
  const change = (part: Partial<TargetDraft>) => onChange({ ...draft, ...part });
  return (
    <div className={classes.picker}>
      <SegmentedControl
        size="xs"
        aria-label="Choose hosts"
        value={draft.all ? "all" : "chosen"}
        onChange={(value) => change({ all: value === "all" })}
        data={[
          { value: "chosen", label: "Chosen hosts" },
          { value: "all", label: "All hosts" },
        ]}
      />
      {!draft.all && (
        <>
          <HostNames
            value={draft.hosts}
            onChange={(hosts) => change({ hosts })}
            error={errors["targets.agents"]}
          />
          {!withoutGroups && (
            <Groups
              value={draft.groups}
              onChange={(groups) => change({ groups })}
              error={errors["targets.groups"]}
            />
          )}
          <Narrowed draft={draft} change={change} errors={errors} />
        </>
      )}
      {errors["targets"] && (
        <div className={classes.error} role="alert">
          {errors["targets"]}
        </div>
      )}
      <HostsPreview draft={draft} />
    </div>
  );
}

interface NamesProps {
  value: string[];
  onChange: (value: string[]) => void;
  error: string | undefined;
}

function HostNames({ value, onChange, error }: NamesProps) {
  const [search, setSearch] = useState("");
  const [wanted] = useDebouncedValue(search.trim(), 150);
  const { data } = useQuery({
    queryKey: [...agentKey, "offer", wanted],
    queryFn: () => agentList({ limit: OFFERED, search: wanted || undefined }),
    placeholderData: keepPreviousData,
  });
  const found = new Map<string, Agent>((data?.items ?? []).map((agent) => [agent.name, agent]));
  const names = [...new Set([...found.keys(), ...value])];
  return (
    <MultiSelect
      label="Hosts"
      placeholder={value.length === 0 ? "Type to search by name" : undefined}
      searchable
      clearable
      hidePickedOptions
      clearSearchOnChange
      searchValue={search}
      onSearchChange={setSearch}
      data={names}
      value={value}
      onChange={onChange}
      error={error}
      nothingFoundMessage="No agent has this in its name"
      maxDropdownHeight={280}
      renderOption={({ option }) => {
        const agent = found.get(option.value);
        return (
          <span className={classes.option}>
            {option.value}
            {agent &&
              (agent.active ? (
                <ConnectionText connection={agent.connection} />
              ) : (
                <span className="dim">Inactive</span>
              ))}
          </span>
        );
      }}
    />
  );
}

function Groups({ value, onChange, error }: NamesProps) {
  const { data: groups = [] } = useQuery(groupsOptions);
  return (
    <MultiSelect
      label="Host groups"
      description={groups.length === 0 ? "There are no host groups yet" : undefined}
      placeholder={value.length === 0 ? "The hosts of these groups as well" : undefined}
      searchable
      clearable
      hidePickedOptions
      disabled={groups.length === 0 && value.length === 0}
      data={[...new Set([...groups.map((group) => group.name), ...value])]}
      value={value}
      onChange={onChange}
      error={error}
    />
  );
}

interface NarrowedProps {
  draft: TargetDraft;
  change: (part: Partial<TargetDraft>) => void;
  errors: HostPickerProps["errors"];
}

/** Hosts by what they are: their labels, and where they belong. What is given narrows the rest. */
function Narrowed({ draft, change, errors }: NarrowedProps) {
  const { data: organizations = [] } = useQuery(organizationsOptions);
  const departments = useMemo(() => departmentPlaces(organizations), [organizations]);
  return (
    <div className={classes.narrowed}>
      <TextInput
        className={classes.selector}
        label="Label selector"
        description="Like env=prod,role in (web,api),!canary: all parts must hold"
        placeholder="env=prod"
        spellCheck={false}
        autoCapitalize="off"
        value={draft.selector}
        error={errors["targets.selector"] ?? errors["targets.labels"]}
        onChange={(event) => change({ selector: event.currentTarget.value })}
      />
      <Places
        label="Organizations"
        places={organizationPlaces(organizations)}
        value={draft.organizations}
        error={errors["targets.organizations"]}
        onChange={(chosen) => change({ organizations: chosen })}
      />
      <Places
        label="Departments"
        places={departments}
        value={draft.departments}
        error={errors["targets.departments"]}
        onChange={(chosen) => change({ departments: chosen })}
      />
    </div>
  );
}

interface PlacesProps extends NamesProps {
  label: string;
  places: Place[];
}

function Places({ label, places, value, onChange, error }: PlacesProps) {
  const choice = placeChoice(places, value);
  return (
    <MultiSelect
      label={label}
      description="Only hosts of these"
      placeholder={value.length === 0 ? "Any" : undefined}
      clearable
      disabled={choice.data.length === 0}
      data={choice.data}
      value={choice.value}
      error={error}
      onChange={onChange}
    />
  );
}
