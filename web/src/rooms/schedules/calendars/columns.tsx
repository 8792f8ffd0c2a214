import { Link } from "@tanstack/react-router";
import type { Calendar } from "~/api/types";
import { actorName } from "~/rooms/jobs/words";
import { Pill } from "~/ui/Pill";
import { RelativeTime } from "~/ui/RelativeTime";
import type { Column } from "~/ui/table/DataTable";
import { isScheduleName } from "../rules";
import classes from "./calendars.module.css";
import { entryWords } from "./entries";

const entriesText = ({ entries }: Calendar) => entries.map(entryWords).join("; ");

export const calendarColumns: Column<Calendar>[] = [
  {
    id: "name",
    label: "Name",
    fixed: true,
    sort: "name",
    minWidth: "9rem",
    text: (calendar) => calendar.name,
    cell: (calendar) => <strong>{calendar.name}</strong>,
  },
  {
    id: "entries",
    label: "Blackout",
    minWidth: "16rem",
    text: entriesText,
    cell: (calendar) => (
      <span className={classes.entries} title={entriesText(calendar)}>
        {entriesText(calendar)}
      </span>
    ),
  },
  {
    id: "zone",
    label: "Zone",
    groupable: true,
    text: (calendar) => calendar.zone,
    cell: (calendar) => calendar.zone,
  },
  {
    id: "now",
    label: "Now",
    text: (calendar) =>
      calendar.blackout_until ? `blackout until ${calendar.blackout_until}` : "no blackout",
    cell: (calendar) =>
      calendar.blackout_until ? (
        <Pill tone="warn">
          <span>
            Blackout, ends <RelativeTime at={calendar.blackout_until} />
          </span>
        </Pill>
      ) : (
        <span className="dim">No blackout</span>
      ),
  },
  {
    id: "used_by",
    label: "Used by",
    minWidth: "8rem",
    text: (calendar) => calendar.used_by.join(", "),
    cell: (calendar) =>
      calendar.used_by.length === 0 ? (
        <span className="dim">not used</span>
      ) : (
        calendar.used_by.map((name, index) => (
          <span key={name}>
            {index > 0 && ", "}
            {isScheduleName(name) ? (
              <Link to="/schedules" search={{ q: name }} className="link">
                {name}
              </Link>
            ) : (
              name
            )}
          </span>
        ))
      ),
  },
  {
    id: "description",
    label: "Description",
    text: (calendar) => calendar.description,
    cell: (calendar) => calendar.description.split("\n")[0] || <span className="dim">–</span>,
  },
  {
    id: "created",
    label: "Created",
    hidden: true,
    text: (calendar) => calendar.created_at,
    cell: (calendar) => <RelativeTime at={calendar.created_at} />,
  },
  {
    id: "created_by",
    label: "Created by",
    hidden: true,
    groupable: true,
    text: (calendar) => actorName(calendar.created_by),
    cell: (calendar) => actorName(calendar.created_by),
  },
];
