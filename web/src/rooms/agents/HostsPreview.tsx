import { Button, Collapse } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { asProblem } from "~/api/problem";
import type { HostPreview } from "~/api/types";
import { count } from "~/ui/format";
import { Pill } from "~/ui/Pill";
import { agentKey, targetPreview } from "./api";
import classes from "./HostPicker.module.css";
import { missingTargets, type TargetDraft, toTargets } from "./targets";
import { ConnectionText } from "./words";

const WAIT_MS = 300;
/** A list that long tells nobody anything; the count is above it. */
const LISTED = 200;

/** Exactly which hosts that is now, and which of them are not there. Asked anew while somebody looks. */
export function HostsPreview({ draft }: { draft: TargetDraft }) {
  const [wanted] = useDebouncedValue(draft, WAIT_MS);
  const [open, setOpen] = useState(false);
  const missing = missingTargets(wanted) !== undefined;
  const { data, error, isPlaceholderData } = useQuery({
    queryKey: [...agentKey, "targets", toTargets(wanted)],
    queryFn: () => targetPreview(toTargets(wanted)),
    enabled: !missing,
    refetchInterval: 5_000,
    placeholderData: keepPreviousData,
  });
  if (missing) {
    return <div className={`${classes.preview} dim`}>No hosts chosen yet</div>;
  }
  if (error) {
    const { problem, fields } = asProblem(error);
    return (
      <div className={classes.preview} role="status">
        <Pill tone="warn">No hosts</Pill>
        <span className="dim">{fields.map((field) => field.message).join("; ") || problem.detail}</span>
      </div>
    );
  }
  if (!data) {
    return <div className={`${classes.preview} dim`}>Looking which hosts these are…</div>;
  }
  const offline = data.disconnected;
  return (
    <div>
      <div className={classes.preview} role="status" aria-busy={isPlaceholderData}>
        <Pill tone={offline === data.hosts.length ? "warn" : "good"}>{count(data.hosts.length, "host")}</Pill>
        <span className="dim">
          {data.hosts.length - offline} connected
          {offline > 0 ? `, ${offline} offline: their jobs wait up to 30 minutes` : ""}
        </span>
        <Button variant="subtle" size="compact-xs" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "Hide the hosts" : "Show the hosts"}
        </Button>
      </div>
      <Collapse expanded={open}>
        <HostList hosts={data.hosts} />
      </Collapse>
    </div>
  );
}

function HostList({ hosts }: { hosts: HostPreview[] }) {
  return (
    <ul className={classes.hosts} aria-label="Hosts that match">
      {hosts.slice(0, LISTED).map((host) => (
        <li key={host.agent_id}>
          <span>{host.agent}</span>
          {host.active ? (
            <ConnectionText connection={host.connection} />
          ) : (
            <span className="dim">Inactive</span>
          )}
        </li>
      ))}
      {hosts.length > LISTED && <li className="dim">and {hosts.length - LISTED} more</li>}
    </ul>
  );
}
