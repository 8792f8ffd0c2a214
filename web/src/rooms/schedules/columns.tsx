import { Link } from "@tanstack/react-router";
import type { Schedule } from "~/api/types";
import { actorName } from "~/rooms/jobs/words";
import { RelativeTime } from "~/ui/RelativeTime";
import type { Column } from "~/ui/table/DataTable";
import type { FilterField } from "~/ui/table/FilterBar";
import classes from "./columns.module.css";
import { scheduleState } from "./rules";
import { SCHEDULE_STATE, ScheduleStatePill } from "./words";
import { scheduledTargets, WORK_KIND, WORK_KINDS, type WorkNames, workKind, workWords } from "./work";

export function scheduleColumns(names: WorkNames): Column<Schedule>[] {
  const kindLabel = ({ definition }: Schedule) => {
    const kind = workKind(definition.work);
    return WORK_KIND[kind]?.label ?? kind;
  };
  return [
    {
      id: "name",
      label: "Name",
      fixed: true,
      sort: "name",
      minWidth: "9rem",
      text: (schedule) => schedule.name,
      cell: (schedule) => (
        <Link
          to="/schedules/$scheduleId"
          params={{ scheduleId: String(schedule.id) }}
          className="link-strong"
          title={schedule.description || undefined}
        >
          {schedule.name}
        </Link>
      ),
    },
    {
      id: "state",
      label: "State",
      groupable: true,
      text: (schedule) => SCHEDULE_STATE[scheduleState(schedule)].label,
      cell: (schedule) => <StateCell schedule={schedule} />,
    },
    {
      id: "what",
      label: "Does",
      minWidth: "10rem",
      text: (schedule) => workWords(schedule.definition.work, names),
      cell: (schedule) => {
        const words = workWords(schedule.definition.work, names);
        return (
          <span className={classes.what} title={words}>
            {words}
          </span>
        );
      },
    },
    {
      id: "when",
      label: "When",
      minWidth: "10rem",
      text: (schedule) => schedule.cron_text,
      cell: (schedule) => (
        <span className={classes.when} title={`${schedule.definition.cron}: ${schedule.cron_text}`}>
          {schedule.cron_text}
        </span>
      ),
    },
    {
      id: "next",
      label: "Next run",
      minWidth: "6rem",
      text: (schedule) => schedule.next_at ?? "",
      cell: (schedule) => <RelativeTime at={schedule.next_at} empty="–" />,
    },
    {
      id: "runs",
      label: "Runs",
      align: "end",
      text: runsText,
      cell: runsText,
    },
    {
      id: "last",
      label: "Last run",
      align: "end",
      text: (schedule) => String(schedule.last_execution_id ?? schedule.last_instance_id ?? ""),
      cell: (schedule) =>
        schedule.last_execution_id ? (
          <Link
            to="/executions/$executionId"
            params={{ executionId: String(schedule.last_execution_id) }}
            className="link"
            aria-label={`Execution ${schedule.last_execution_id}`}
          >
            {schedule.last_execution_id}
          </Link>
        ) : schedule.last_instance_id ? (
          <Link
            to="/instances/$instanceId"
            params={{ instanceId: String(schedule.last_instance_id) }}
            className="link"
            aria-label={`Instance ${schedule.last_instance_id}`}
          >
            {schedule.last_instance_id}
          </Link>
        ) : (
          <span className="dim">–</span>
        ),
    },
    {
      id: "targets",
      label: "Hosts",
      minWidth: "8rem",
      groupable: true,
      text: (schedule) => scheduledTargets(schedule.definition),
      cell: (schedule) => {
        const words = scheduledTargets(schedule.definition);
        return (
          <span className={`mono ${classes.targets}`} title={words}>
            {words}
          </span>
        );
      },
    },
    {
      id: "zone",
      label: "Zone",
      groupable: true,
      text: ({ definition }) => definition.zone ?? "UTC",
      cell: ({ definition }) => definition.zone ?? "UTC",
    },
    {
      id: "owner",
      label: "Runs as",
      groupable: true,
      text: (schedule) => schedule.owner,
      cell: (schedule) => schedule.owner,
    },
    { id: "kind", label: "Kind of work", hidden: true, groupable: true, text: kindLabel, cell: kindLabel },
    {
      id: "cron",
      label: "Cron",
      hidden: true,
      text: ({ definition }) => definition.cron,
      cell: ({ definition }) => <code>{definition.cron}</code>,
    },
    {
      id: "description",
      label: "Description",
      hidden: true,
      text: (schedule) => schedule.description,
      cell: (schedule) => schedule.description.split("\n")[0] || <span className="dim">–</span>,
    },
    {
      id: "updated",
      label: "Changed",
      hidden: true,
      text: (schedule) => schedule.updated_at,
      cell: (schedule) => <RelativeTime at={schedule.updated_at} />,
    },
    {
      id: "updated_by",
      label: "Changed by",
      hidden: true,
      groupable: true,
      text: (schedule) => actorName(schedule.updated_by),
      cell: (schedule) => actorName(schedule.updated_by),
    },
  ];
}

/** A tick that waits says for what. */
function StateCell({ schedule }: { schedule: Schedule }) {
  const why = schedule.waiting ? schedule.waiting_reason : undefined;
  return (
    <>
      <ScheduleStatePill schedule={schedule} />
      {why && (
        <span className={classes.waits} title={why}>
          {why}
        </span>
      )}
    </>
  );
}

/** `7`, or `7 of 10` where there is a limit. */
export function runsText({ runs, definition }: Schedule): string {
  return definition.max_runs ? `${runs} of ${definition.max_runs}` : String(runs);
}

const options = (words: Record<string, { label: string }>) =>
  Object.entries(words).map(([value, { label }]) => ({ value, label }));

/** Values of free texts are offered from the rows that are there. */
export function scheduleFilters(schedules: Schedule[]): FilterField[] {
  const seen = (values: string[]) => [...new Set(values)].sort();
  return [
    { id: "state", label: "State", options: options(SCHEDULE_STATE) },
    { id: "kind", label: "Kind of work", options: WORK_KINDS },
    {
      id: "zone",
      label: "Zone",
      suggestions: seen(schedules.map(({ definition }) => definition.zone ?? "UTC")),
      placeholder: "Europe/Brussels",
    },
    {
      id: "owner",
      label: "Runs as",
      suggestions: seen(schedules.map(({ owner }) => owner)),
      placeholder: "anna",
    },
    {
      id: "calendar",
      label: "Blackout calendar",
      single: true,
      options: [
        { value: "yes", label: "With one" },
        { value: "no", label: "Without" },
      ],
    },
  ];
}
