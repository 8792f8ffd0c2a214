import { Link } from "@tanstack/react-router";
import type { Workflow } from "~/api/types";
import { actorName } from "~/rooms/jobs/words";
import { Pill } from "~/ui/Pill";
import { RelativeTime } from "~/ui/RelativeTime";
import type { Column } from "~/ui/table/DataTable";
import { draftState } from "./words";

export const workflowColumns: Column<Workflow>[] = [
  {
    id: "name",
    label: "Name",
    fixed: true,
    sort: "name",
    minWidth: "10rem",
    text: (workflow) => workflow.name,
    cell: (workflow) => (
      <Link to="/workflows/$workflowId" params={{ workflowId: String(workflow.id) }} className="link-strong">
        {workflow.name}
      </Link>
    ),
  },
  {
    id: "description",
    label: "Description",
    minWidth: "12rem",
    text: (workflow) => workflow.description,
    cell: (workflow) => workflow.description.split("\n")[0] || <span className="dim">–</span>,
  },
  {
    id: "steps",
    label: "Steps",
    align: "end",
    text: (workflow) => String(workflow.steps),
    cell: (workflow) => workflow.steps,
  },
  {
    id: "version",
    label: "Published",
    align: "end",
    text: (workflow) => String(workflow.version ?? ""),
    cell: (workflow) => workflow.version ?? <span className="dim">–</span>,
  },
  {
    id: "draft",
    label: "Draft",
    groupable: true,
    text: (workflow) => draftState(workflow).label,
    cell: (workflow) => {
      const { label, tone, icon, help } = draftState(workflow);
      return (
        <Pill tone={tone} icon={icon} title={help}>
          {label}
        </Pill>
      );
    },
  },
  {
    id: "updated",
    label: "Changed",
    text: (workflow) => workflow.updated_at,
    cell: (workflow) => <RelativeTime at={workflow.updated_at} />,
  },
  {
    id: "updated_by",
    label: "Changed by",
    groupable: true,
    text: (workflow) => actorName(workflow.updated_by),
    cell: (workflow) => actorName(workflow.updated_by),
  },
  {
    id: "created",
    label: "Created",
    hidden: true,
    text: (workflow) => workflow.created_at,
    cell: (workflow) => <RelativeTime at={workflow.created_at} />,
  },
  {
    id: "created_by",
    label: "Created by",
    hidden: true,
    groupable: true,
    text: (workflow) => actorName(workflow.created_by),
    cell: (workflow) => actorName(workflow.created_by),
  },
];
