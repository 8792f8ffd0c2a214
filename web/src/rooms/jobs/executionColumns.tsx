import { Link } from "@tanstack/react-router";
import type { Execution } from "~/api/types";
import { targetWords } from "~/rooms/agents/targets";
import { RelativeTime } from "~/ui/RelativeTime";
import type { Column } from "~/ui/table/DataTable";
import type { FilterField } from "~/ui/table/FilterBar";
import classes from "./columns.module.css";
import { ExecutionPill, Progress, parts } from "./execution";
import { actorName, JOB_STATE, JOB_TYPE, JobTypeText } from "./words";

export const executionColumns: Column<Execution>[] = [
  {
    id: "id",
    label: "Execution",
    fixed: true,
    text: (execution) => String(execution.id),
    cell: (execution) => <To execution={execution} strong text={String(execution.id)} />,
  },
  {
    id: "summary",
    label: "Summary",
    minWidth: "12rem",
    text: (execution) => execution.summary,
    cell: (execution) => <To execution={execution} text={execution.summary} />,
  },
  {
    id: "type",
    label: "Type",
    groupable: true,
    text: (execution) => JOB_TYPE[execution.type].label,
    cell: (execution) => <JobTypeText type={execution.type} />,
  },
  {
    id: "state",
    label: "State",
    text: (execution) =>
      parts(execution)
        .filter((part) => part.count > 0)
        .map((part) => `${part.count} ${part.label.toLowerCase()}`)
        .join(", "),
    cell: (execution) => <ExecutionPill execution={execution} />,
  },
  {
    id: "hosts",
    label: "Hosts",
    align: "end",
    text: (execution) => String(execution.hosts),
    cell: (execution) => execution.hosts,
  },
  {
    id: "progress",
    label: "Progress",
    minWidth: "8rem",
    text: (execution) => (execution.finished ? "finished" : "going on"),
    cell: (execution) => <Progress execution={execution} />,
  },
  {
    id: "created",
    label: "Created",
    sort: "created_at",
    text: (execution) => execution.created_at,
    cell: (execution) => <RelativeTime at={execution.created_at} />,
  },
  {
    id: "created_by",
    label: "Created by",
    groupable: true,
    text: (execution) => actorName(execution.created_by),
    cell: (execution) => actorName(execution.created_by),
  },
  {
    id: "schedule",
    label: "Schedule",
    hidden: true,
    groupable: true,
    align: "end",
    text: (execution) => (execution.schedule_id ? String(execution.schedule_id) : ""),
    cell: (execution) =>
      execution.schedule_id ? (
        <Link
          to="/schedules/$scheduleId"
          params={{ scheduleId: String(execution.schedule_id) }}
          className="link"
        >
          {execution.schedule_id}
        </Link>
      ) : (
        <span className="dim">–</span>
      ),
  },
  {
    id: "action",
    label: "Action",
    hidden: true,
    groupable: true,
    align: "end",
    text: ({ action }) => (action ? String(action.id) : ""),
    cell: ({ action }) =>
      action ? (
        <Link to="/actions/$actionId" params={{ actionId: String(action.id) }} className="link">
          {action.id}
        </Link>
      ) : (
        <span className="dim">–</span>
      ),
  },
  {
    id: "targets",
    label: "Chosen",
    hidden: true,
    text: (execution) => targetWords(execution.targets),
    cell: (execution) => <span className="mono">{targetWords(execution.targets)}</span>,
  },
];

function To({ execution, text, strong }: { execution: Execution; text: string; strong?: boolean }) {
  return (
    <Link
      to="/executions/$executionId"
      params={{ executionId: String(execution.id) }}
      className={strong ? "link-strong" : classes.summary}
      title={strong ? undefined : text}
    >
      {text || <span className="dim">(empty)</span>}
    </Link>
  );
}

export const executionFilters: FilterField[] = [
  {
    id: "type",
    label: "Type",
    options: Object.entries(JOB_TYPE).map(([value, { label }]) => ({ value, label })),
  },
  {
    id: "outcome",
    label: "Outcome",
    options: (["running", "failed", "cancelled", "completed"] as const).map((value) => ({
      value,
      label: JOB_STATE[value].label,
    })),
  },
  { id: "script", label: "Script", placeholder: "number of the script" },
  { id: "action", label: "Action", placeholder: "number of the action" },
  { id: "schedule", label: "Schedule", placeholder: "number of the schedule" },
];
