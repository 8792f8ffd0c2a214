import { Link } from "@tanstack/react-router";
import type { Instance } from "~/api/types";
import { actorName, withActorName } from "~/rooms/jobs/words";
import { plainText } from "~/ui/plainText";
import { RelativeTime } from "~/ui/RelativeTime";
import type { Column } from "~/ui/table/DataTable";
import type { FilterField } from "~/ui/table/FilterBar";
import { INSTANCE_STATE, InstanceStatePill, Took, versionWords } from "../words";

export const instanceColumns: Column<Instance>[] = [
  {
    id: "id",
    label: "Instance",
    fixed: true,
    text: (instance) => String(instance.id),
    cell: (instance) => (
      <>
        <Link
          to="/instances/$instanceId"
          params={{ instanceId: String(instance.id) }}
          className="link-strong"
        >
          {instance.id}
        </Link>
        {instance.retry_of && (
          <>
            {" "}
            <Link
              to="/instances/$instanceId"
              params={{ instanceId: String(instance.retry_of) }}
              className="link"
            >
              retry of #{instance.retry_of}
            </Link>
          </>
        )}
      </>
    ),
  },
  {
    id: "state",
    label: "State",
    groupable: true,
    text: (instance) => INSTANCE_STATE[instance.state].label,
    cell: (instance) => <InstanceStatePill state={instance.state} />,
  },
  {
    id: "workflow",
    label: "Workflow",
    groupable: true,
    minWidth: "10rem",
    text: (instance) => instance.workflow,
    cell: (instance) => (
      <Link
        to="/workflows/$workflowId"
        params={{ workflowId: String(instance.workflow_id) }}
        className="link"
      >
        {instance.workflow}
      </Link>
    ),
  },
  {
    id: "version",
    label: "Version",
    text: (instance) => versionWords(instance.version),
    cell: (instance) => (instance.version === 0 ? <span className="dim">draft</span> : instance.version),
  },
  {
    id: "current",
    label: "At",
    minWidth: "8rem",
    text: (instance) => instance.current.join(", "),
    cell: (instance) =>
      instance.current.length > 0 ? (
        <code>{instance.current.join(", ")}</code>
      ) : (
        <span className="dim">–</span>
      ),
  },
  {
    id: "reason",
    label: "Reason",
    minWidth: "10rem",
    text: (instance) => withActorName(instance.reason ?? ""),
    cell: (instance) =>
      instance.reason ? plainText(withActorName(instance.reason)) : <span className="dim">–</span>,
  },
  {
    id: "started_by",
    label: "Started by",
    groupable: true,
    text: (instance) => actorName(instance.started_by),
    cell: (instance) => actorName(instance.started_by),
  },
  {
    id: "created",
    label: "Started",
    text: (instance) => instance.created_at,
    cell: (instance) => <RelativeTime at={instance.created_at} />,
  },
  {
    id: "took",
    label: "Duration",
    align: "end",
    text: (instance) =>
      instance.ended_at ? `${Date.parse(instance.ended_at) - Date.parse(instance.created_at)} ms` : "",
    cell: (instance) => <Took from={instance.created_at} to={instance.ended_at} />,
  },
  {
    id: "parent",
    label: "Started by instance",
    hidden: true,
    align: "end",
    text: (instance) => String(instance.parent_id ?? ""),
    cell: (instance) =>
      instance.parent_id ? (
        <Link
          to="/instances/$instanceId"
          params={{ instanceId: String(instance.parent_id) }}
          className="link"
        >
          {instance.parent_id}
        </Link>
      ) : (
        <span className="dim">–</span>
      ),
  },
];

/** Of one workflow, which need not be said in each row. */
export const ownColumns = instanceColumns.filter(({ id }) => id !== "workflow");

export const instanceFilters: FilterField[] = [
  {
    id: "state",
    label: "State",
    options: Object.entries(INSTANCE_STATE).map(([value, { label }]) => ({ value, label })),
  },
  { id: "workflow", label: "Workflow", placeholder: "number of the workflow" },
];
