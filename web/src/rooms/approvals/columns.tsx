import { Link } from "@tanstack/react-router";
import type { Approval } from "~/api/types";
import { actorName } from "~/rooms/jobs/words";
import { plainText } from "~/ui/plainText";
import { RelativeTime } from "~/ui/RelativeTime";
import type { Column } from "~/ui/table/DataTable";
import type { FilterField } from "~/ui/table/FilterBar";
import classes from "./columns.module.css";
import { APPROVAL_STATE, ApprovalStatePill, progressWords } from "./words";

export const approvalColumns: Column<Approval>[] = [
  {
    id: "title",
    label: "Approval",
    fixed: true,
    text: (approval) => approval.title,
    cell: (approval) => (
      <Link
        to="/approvals/$approvalId"
        params={{ approvalId: String(approval.id) }}
        className={`link-strong ${classes.title}`}
      >
        {plainText(approval.title)}
      </Link>
    ),
  },
  {
    id: "state",
    label: "State",
    groupable: true,
    text: (approval) => APPROVAL_STATE[approval.state].label,
    cell: (approval) => <ApprovalStatePill state={approval.state} />,
  },
  {
    id: "mine",
    label: "Waits for you",
    groupable: true,
    text: (approval) => (approval.may_answer ? "Yes" : "No"),
    cell: (approval) => (approval.may_answer ? <strong>Yes</strong> : <span className="dim">No</span>),
  },
  {
    id: "workflow",
    label: "Workflow",
    groupable: true,
    text: (approval) => approval.workflow,
    cell: (approval) => approval.workflow,
  },
  {
    id: "started_by",
    label: "Started by",
    groupable: true,
    text: (approval) => actorName(approval.started_by),
    cell: (approval) => actorName(approval.started_by),
  },
  {
    id: "answers",
    label: "Approvals",
    text: progressWords,
    cell: progressWords,
  },
  {
    id: "opened",
    label: "Asked",
    text: (approval) => approval.opened_at,
    cell: (approval) => <RelativeTime at={approval.opened_at} />,
  },
  {
    id: "deadline",
    label: "Answer by",
    text: (approval) => approval.deadline,
    cell: (approval) =>
      approval.state === "open" ? <RelativeTime at={approval.deadline} /> : <span className="dim">–</span>,
  },
  {
    id: "ended",
    label: "Ended",
    hidden: true,
    text: (approval) => approval.ended_at ?? "",
    cell: (approval) => <RelativeTime at={approval.ended_at} empty="–" />,
  },
  {
    id: "instance",
    label: "Instance",
    hidden: true,
    align: "end",
    text: (approval) => String(approval.instance_id),
    cell: (approval) => (
      <Link
        to="/instances/$instanceId"
        params={{ instanceId: String(approval.instance_id) }}
        className="link"
      >
        {approval.instance_id}
      </Link>
    ),
  },
];

export const approvalFilters: FilterField[] = [
  { id: "mine", label: "Mine", single: true, options: [{ value: "true", label: "Those that wait for me" }] },
  {
    id: "state",
    label: "State",
    options: Object.entries(APPROVAL_STATE).map(([value, { label }]) => ({ value, label })),
  },
  { id: "instance", label: "Instance", placeholder: "number of the instance" },
];
