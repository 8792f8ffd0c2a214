import { Link } from "@tanstack/react-router";
import type { SavedScript } from "~/api/types";
import { actorName, LANGUAGE } from "~/rooms/jobs/words";
import { RelativeTime } from "~/ui/RelativeTime";
import type { Column } from "~/ui/table/DataTable";
import type { FilterField } from "~/ui/table/FilterBar";
import { KIND } from "./words";

export const scriptColumns: Column<SavedScript>[] = [
  {
    id: "name",
    label: "Name",
    fixed: true,
    sort: "name",
    minWidth: "10rem",
    text: (script) => script.name,
    cell: (script) => (
      <Link to="/scripts/$scriptId" params={{ scriptId: String(script.id) }} className="link-strong">
        {script.name}
      </Link>
    ),
  },
  {
    id: "kind",
    label: "Kind",
    groupable: true,
    text: (script) => KIND[script.kind].label,
    cell: (script) => KIND[script.kind].label,
  },
  {
    id: "language",
    label: "Language",
    groupable: true,
    text: (script) => LANGUAGE[script.language].label,
    cell: (script) => LANGUAGE[script.language].label,
  },
  {
    id: "description",
    label: "Description",
    minWidth: "14rem",
    text: (script) => script.description,
    cell: (script) => script.description.split("\n")[0] || <span className="dim">–</span>,
  },
  {
    id: "version",
    label: "Version",
    align: "end",
    text: (script) => String(script.version),
    cell: (script) => script.version,
  },
  {
    id: "updated",
    label: "Changed",
    text: (script) => script.updated_at,
    cell: (script) => <RelativeTime at={script.updated_at} />,
  },
  {
    id: "updated_by",
    label: "Changed by",
    groupable: true,
    text: (script) => actorName(script.updated_by),
    cell: (script) => actorName(script.updated_by),
  },
  {
    id: "created",
    label: "Created",
    hidden: true,
    text: (script) => script.created_at,
    cell: (script) => <RelativeTime at={script.created_at} />,
  },
  {
    id: "created_by",
    label: "Created by",
    hidden: true,
    groupable: true,
    text: (script) => actorName(script.created_by),
    cell: (script) => actorName(script.created_by),
  },
];

const options = (words: Record<string, { label: string }>) =>
  Object.entries(words).map(([value, { label }]) => ({ value, label }));

export const kindFilter: FilterField = { id: "kind", label: "Kind", options: options(KIND) };
export const languageFilter: FilterField = { id: "language", label: "Language", options: options(LANGUAGE) };
