import { Tooltip } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Job } from "~/api/types";
import { dateTime, duration } from "~/ui/format";
import { RelativeTime } from "~/ui/RelativeTime";
import type { Column } from "~/ui/table/DataTable";
import type { FilterField } from "~/ui/table/FilterBar";
import classes from "./columns.module.css";
import {
  actorName,
  durationMs,
  ExitCode,
  JOB_STATE,
  JOB_TYPE,
  JobDuration,
  JobStatePill,
  JobTypeText,
  PRIORITY,
  PriorityText,
} from "./words";

export const jobColumns: Column<Job>[] = [
  {
    id: "id",
    label: "Job",
    fixed: true,
    text: (job) => String(job.id),
    cell: (job) => (
      <Link to="/jobs/$jobId" params={{ jobId: String(job.id) }} className="link-strong">
        {job.id}
      </Link>
    ),
  },
  {
    id: "summary",
    label: "Summary",
    minWidth: "12rem",
    text: (job) => job.summary,
    cell: (job) => (
      <Link
        to="/jobs/$jobId"
        params={{ jobId: String(job.id) }}
        className={classes.summary}
        title={job.summary}
      >
        {job.summary || <span className="dim">(empty)</span>}
      </Link>
    ),
  },
  {
    id: "type",
    label: "Type",
    groupable: true,
    text: (job) => JOB_TYPE[job.type].label,
    cell: (job) => <JobTypeText type={job.type} />,
  },
  {
    id: "agent",
    label: "Agent",
    groupable: true,
    text: (job) => job.agent,
    cell: (job) => (
      <Link to="/agents/$agentId" params={{ agentId: String(job.agent_id) }} className="link">
        {job.agent}
      </Link>
    ),
  },
  {
    id: "state",
    label: "State",
    groupable: true,
    text: (job) => JOB_STATE[job.state].label,
    cell: (job) => <StateCell job={job} />,
  },
  {
    id: "priority",
    label: "Priority",
    groupable: true,
    text: (job) => PRIORITY[job.priority].label,
    cell: (job) => <PriorityText priority={job.priority} />,
  },
  {
    id: "created",
    label: "Created",
    sort: "created_at",
    text: (job) => job.created_at,
    cell: (job) => <RelativeTime at={job.created_at} />,
  },
  {
    id: "duration",
    label: "Duration",
    align: "end",
    text: (job) => {
      const milliseconds = durationMs(job, Date.now());
      return milliseconds === undefined ? "" : duration(milliseconds);
    },
    cell: (job) => <JobDuration job={job} />,
  },
  {
    id: "exit_code",
    label: "Exit code",
    align: "end",
    groupable: true,
    text: (job) => (job.exit_code === null || job.exit_code === undefined ? "" : String(job.exit_code)),
    cell: (job) => <ExitCode code={job.exit_code} />,
  },
  {
    id: "execution",
    label: "Execution",
    groupable: true,
    align: "end",
    text: (job) => (job.execution_id ? String(job.execution_id) : ""),
    cell: (job) =>
      job.execution_id ? (
        <Link
          to="/executions/$executionId"
          params={{ executionId: String(job.execution_id) }}
          className="link"
        >
          {job.execution_id}
        </Link>
      ) : (
        <span className="dim">–</span>
      ),
  },
  {
    id: "batch",
    label: "Batch",
    hidden: true,
    groupable: true,
    align: "end",
    text: (job) => String(job.batch),
    cell: (job) => job.batch,
  },
  {
    id: "created_by",
    label: "Created by",
    hidden: true,
    groupable: true,
    text: (job) => actorName(job.created_by),
    cell: (job) => actorName(job.created_by),
  },
  {
    id: "attempt",
    label: "Attempt",
    hidden: true,
    align: "end",
    text: (job) => String(job.attempt),
    cell: (job) => job.attempt,
  },
  {
    id: "finished",
    label: "Finished",
    hidden: true,
    text: (job) => job.finished_at ?? "",
    cell: (job) => (job.finished_at ? dateTime(job.finished_at) : <span className="dim">–</span>),
  },
  {
    id: "reason",
    label: "Reason",
    hidden: true,
    groupable: true,
    text: (job) => job.reason ?? job.waits?.text ?? "",
    cell: (job) => job.reason ?? job.waits?.text ?? <span className="dim">–</span>,
  },
];

/** The state, and in a few words why it waits or ended like this. */
function StateCell({ job }: { job: Job }) {
  const why = job.cancel_requested && !job.finished_at ? "Being cancelled" : (job.waits?.text ?? job.reason);
  const pill = <JobStatePill state={job.state} />;
  return why ? <Tooltip label={why}>{<span>{pill}</span>}</Tooltip> : pill;
}

const options = (words: Record<string, { label: string }>) =>
  Object.entries(words).map(([value, { label }]) => ({ value, label }));

export const stateFilter: FilterField = { id: "state", label: "State", options: options(JOB_STATE) };

export function jobFilters(jobs: Job[], organizations: { name: string }[]): FilterField[] {
  return [
    stateFilter,
    { id: "type", label: "Type", options: options(JOB_TYPE) },
    {
      id: "agent",
      label: "Agent",
      suggestions: [...new Set(jobs.map((job) => job.agent))].sort(),
      placeholder: "name or id",
    },
    { id: "priority", label: "Priority", options: options(PRIORITY) },
    {
      id: "organization",
      label: "Organization",
      options: organizations.map(({ name }) => ({ value: name, label: name })),
    },
    { id: "execution", label: "Execution", placeholder: "number" },
    { id: "script", label: "Script", placeholder: "number of the script" },
    { id: "schedule", label: "Schedule", placeholder: "number of the schedule" },
    { id: "created_from", label: "Created from", placeholder: "2026-11-22T09:00:00Z", time: true },
    { id: "created_before", label: "Created before", placeholder: "2026-11-23T09:00:00Z", time: true },
  ];
}
