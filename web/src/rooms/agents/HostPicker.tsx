import { MultiSelect, SegmentedControl, TagsInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Agent } from "~/api/types";
import { agentKey, agentList } from "~/rooms/agents/api";
import { ConnectionText } from "~/rooms/agents/words";
import { count } from "~/ui/format";
import { Pill } from "~/ui/Pill";
import { type Draft, type HostsBy, parseLabel } from "./draft";
import classes from "./RunForm.module.css";

const OFFERED = 50;
const COUNTED = 500;

interface HostPickerProps {
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
  error: string | undefined;
}

export function HostPicker({ draft, onChange, error }: HostPickerProps) {
  return (
    <div className={classes.hosts}>
      <SegmentedControl
        size="xs"
        aria-label="Choose hosts by"
        value={draft.by}
        onChange={(by) => onChange({ by: asHostsBy(by) })}
        data={[
          { value: "hosts", label: "Hosts by name" },
          { value: "labels", label: "By labels" },
          { value: "all", label: "All hosts" },
        ]}
      />
      {draft.by === "hosts" && <ByName draft={draft} onChange={onChange} error={error} />}
      {draft.by === "labels" && <ByLabels draft={draft} onChange={onChange} error={error} />}
      {draft.by === "all" && error && (
        <div className={classes.error} role="alert">
          {error}
        </div>
      )}
      <Matching draft={draft} />
    </div>
  );
}

const asHostsBy = (value: string): HostsBy => (value === "labels" || value === "all" ? value : "hosts");

function ByName({ draft, onChange, error }: HostPickerProps) {
  const [search, setSearch] = useState("");
  const [wanted] = useDebouncedValue(search.trim(), 150);
  const { data } = useQuery({
    queryKey: [...agentKey, "offer", wanted],
    queryFn: () => agentList({ limit: OFFERED, search: wanted || undefined }),
    placeholderData: keepPreviousData,
  });
  const found = new Map<string, Agent>((data?.items ?? []).map((agent) => [agent.name, agent]));
  const names = [...new Set([...found.keys(), ...draft.hosts])];
  return (
    <MultiSelect
      label="Hosts"
      placeholder={draft.hosts.length === 0 ? "Type to search by name" : undefined}
      searchable
      clearable
      hidePickedOptions
      clearSearchOnChange
      searchValue={search}
      onSearchChange={setSearch}
      data={names}
      value={draft.hosts}
      onChange={(hosts) => onChange({ hosts })}
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

function ByLabels({ draft, onChange, error }: HostPickerProps) {
  const { data } = useQuery({
    queryKey: [...agentKey, "offer", ""],
    queryFn: () => agentList({ limit: OFFERED }),
  });
  const known = new Set(
    (data?.items ?? []).flatMap((agent) =>
      Object.entries(agent.labels).map(([key, value]) => `${key}=${value}`),
    ),
  );
  return (
    <TagsInput
      label="Labels"
      description="A host must have all of them. Enter adds one."
      placeholder={draft.labels.length === 0 ? "env=prod" : undefined}
      value={draft.labels}
      onChange={(labels) => onChange({ labels })}
      data={[...known].sort()}
      acceptValueOnBlur
      error={error}
    />
  );
}

/** How many hosts that is now, and how many of them can start at once. */
function Matching({ draft }: { draft: Draft }) {
  const labels = draft.labels.flatMap((label) => parseLabel(label) ?? []);
  const filter = labels.map(([key, value]) => `label:${key}=${value}`);
  const wanted = draft.by === "all" || (draft.by === "labels" && filter.length > 0);
  const { data, error } = useQuery({
    queryKey: [...agentKey, "matching", draft.by, filter],
    queryFn: () => agentList({ limit: COUNTED, filter: draft.by === "labels" ? filter : undefined }),
    enabled: wanted,
    refetchInterval: 5_000,
  });
  if (draft.by === "hosts") {
    return <div className={`${classes.matching} dim`}>{count(draft.hosts.length, "host")} chosen</div>;
  }
  if (!wanted || error || !data) {
    return null;
  }
  const connected = data.items.filter((agent) => agent.connection === "connected").length;
  const waiting = data.items.length - connected;
  return (
    <div className={classes.matching} role="status">
      <Pill tone={data.items.length > 0 ? "good" : "warn"}>
        {count(data.items.length, "host")}
        {data.next_cursor ? " or more" : ""}
      </Pill>
      <span className="dim">
        {connected} connected
        {waiting > 0 ? `, ${waiting} offline: their jobs wait up to 30 minutes` : ""}
      </span>
    </div>
  );
}
