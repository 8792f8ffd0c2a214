import { Link } from "@tanstack/react-router";
import type { SavedAction } from "~/api/types";
import { actorName, JOB_TYPE, JobTypeText } from "~/rooms/jobs/words";
import { Pill } from "~/ui/Pill";
import { RelativeTime } from "~/ui/RelativeTime";
import type { Column } from "~/ui/table/DataTable";
import { draftState } from "./words";

export const actionColumns: Column<SavedAction>[] = [
  {
    id: "name",
    label: "Name",
    fixed: true,
    sort: "name",
    minWidth: "10rem",
    text: (action) => action.name,
    cell: (action) => (
      <Link to="/actions/$actionId" params={{ actionId: String(action.id) }} className="link-strong">
        {action.name}
      </Link>
    ),
  },
  {
    id: "type",
    label: "Type",
    groupable: true,
    text: (action) => JOB_TYPE[action.type].label,
    cell: (action) => <JobTypeText type={action.type} />,
  },
  {
    id: "description",
    label: "Description",
    minWidth: "10rem",
    text: (action) => action.description,
    cell: (action) => action.description.split("\n")[0] || <span className="dim">–</span>,
  },
  {
    id: "version",
    label: "Deployed",
    align: "end",
    text: (action) => String(action.version ?? ""),
    cell: (action) => action.version ?? <span className="dim">–</span>,
  },
  {
    id: "draft",
    label: "Draft",
    groupable: true,
    text: (action) => draftState(action).label,
    cell: (action) => {
      const { label, tone, icon, help } = draftState(action);
      return (
        <Pill tone={tone} icon={icon} title={help}>
          {label}
        </Pill>
      );
    },
  },
  {
    id: "may_run",
    label: "May run",
    groupable: true,
    text: (action) => (action.may_run ? "Yes" : "No"),
    cell: (action) => (action.may_run ? "Yes" : <span className="dim">No</span>),
  },
  {
    id: "updated",
    label: "Changed",
    text: (action) => action.updated_at,
    cell: (action) => <RelativeTime at={action.updated_at} />,
  },
  {
    id: "updated_by",
    label: "Changed by",
    groupable: true,
    text: (action) => actorName(action.updated_by),
    cell: (action) => actorName(action.updated_by),
  },
  {
    id: "created",
    label: "Created",
    hidden: true,
    text: (action) => action.created_at,
    cell: (action) => <RelativeTime at={action.created_at} />,
  },
  {
    id: "created_by",
    label: "Created by",
    hidden: true,
    groupable: true,
    text: (action) => actorName(action.created_by),
    cell: (action) => actorName(action.created_by),
  },
];
