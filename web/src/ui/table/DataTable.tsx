import { Button, Checkbox, Skeleton } from "@mantine/core";
import {
  IconArrowDown,
  IconArrowsSort,
  IconArrowUp,
  IconChevronDown,
  IconChevronRight,
} from "@tabler/icons-react";
import {
  type ColumnDef,
  columnGroupingFeature,
  columnOrderingFeature,
  columnVisibilityFeature,
  createExpandedRowModel,
  createGroupedRowModel,
  type ExpandedState,
  rowExpandingFeature,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import { type KeyboardEvent, type ReactNode, useMemo, useState } from "react";
import { count } from "../format";
import { ErrorState, StaleBanner } from "../states";
import classes from "./DataTable.module.css";
import type { ColumnChoice, Layout } from "./layout";
import { nextSort } from "./urlState";

export interface Column<Row> extends ColumnChoice {
  label: string;
  cell: (row: Row) => ReactNode;
  /** The same as plain text: for exports and for grouping. */
  text: (row: Row) => string;
  /** The server's name of the field, where it can sort by it. */
  sort?: string;
  /** Whether rows with the same text make a group worth having. */
  groupable?: boolean;
  align?: "end";
  /** CSS width that the column should not fall below. */
  minWidth?: string;
}

export interface ListStatus {
  pending: boolean;
  error: unknown;
  retry: () => void;
  /** Loads the next page; absent on the last. */
  more?: (() => void) | undefined;
  loadingMore?: boolean;
}

interface DataTableProps<Row> {
  label: string;
  columns: Column<Row>[];
  layout: Layout;
  rows: Row[];
  rowId: (row: Row) => string;
  status: ListStatus;
  empty: ReactNode;
  sort?: string | undefined;
  onSort?: (sort: string | undefined) => void;
  group?: string | undefined;
  actions?: (row: Row) => ReactNode;
  selected?: ReadonlySet<string>;
  onSelect?: (selected: ReadonlySet<string>) => void;
  rowName?: (row: Row) => string;
}

const features = tableFeatures({
  columnVisibilityFeature,
  columnOrderingFeature,
  columnGroupingFeature,
  rowExpandingFeature,
  groupedRowModel: createGroupedRowModel(),
  expandedRowModel: createExpandedRowModel(),
});

const SKELETON_ROWS = 8;

export function DataTable<Row extends object>(props: DataTableProps<Row>) {
  const { columns, layout, rows, rowId, group, status } = props;
  const [expanded, setExpanded] = useState<ExpandedState>(true);
  const byId = useMemo(() => new Map(columns.map((column) => [column.id, column])), [columns]);
  const definitions = useMemo<ColumnDef<typeof features, Row>[]>(
    () =>
      columns.map((column) => ({
        id: column.id,
        header: column.label,
        accessorFn: (row: Row) => column.text(row),
      })),
    [columns],
  );
  const grouping = useMemo(() => (group && byId.has(group) ? [group] : []), [group, byId]);
  const visibility = useMemo(
    () => Object.fromEntries(columns.map((column) => [column.id, !layout.hidden.includes(column.id)])),
    [columns, layout],
  );
  const table = useTable<typeof features, Row>({
    features,
    data: rows,
    columns: definitions,
    getRowId: rowId,
    groupedColumnMode: false,
    autoResetExpanded: false,
    state: { columnOrder: layout.order, columnVisibility: visibility, grouping, expanded },
    onExpandedChange: setExpanded,
  });
  const shown = table.getVisibleLeafColumns().flatMap((column) => byId.get(column.id) ?? []);
  const selectable = props.selected !== undefined && props.onSelect !== undefined;
  const width = shown.length + (selectable ? 1 : 0) + (props.actions ? 1 : 0);

  if (status.error && rows.length === 0) {
    return (
      <div className={classes.frame}>
        <ErrorState error={status.error} onRetry={status.retry} />
      </div>
    );
  }
  if (!status.pending && rows.length === 0) {
    return <div className={classes.frame}>{props.empty}</div>;
  }
  return (
    <div className={classes.frame}>
      {status.error ? <StaleBanner error={status.error} onRetry={status.retry} /> : null}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <section className={classes.scroll} aria-label={props.label} tabIndex={0}>
        <table className={classes.table} aria-label={props.label} aria-busy={status.pending}>
          <thead>
            <tr>
              {selectable && (
                <th className={classes.narrow} scope="col">
                  <SelectAll {...props} />
                </th>
              )}
              {shown.map((column) => (
                <HeadCell key={column.id} column={column} sort={props.sort} onSort={props.onSort} />
              ))}
              {props.actions && (
                <th className={`${classes.narrow} ${classes.sticky}`} scope="col">
                  <span className="visually-hidden">Actions</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody onKeyDown={moveBetweenRows}>
            {status.pending
              ? skeletonRows(width)
              : table.getRowModel().rows.map((row) =>
                  row.getIsGrouped() ? (
                    <tr key={row.id} className={classes.group}>
                      <td colSpan={width}>
                        <button
                          type="button"
                          className={classes.groupButton}
                          aria-expanded={row.getIsExpanded()}
                          onClick={() => row.toggleExpanded()}
                        >
                          {row.getIsExpanded() ? (
                            <IconChevronDown size={14} aria-hidden />
                          ) : (
                            <IconChevronRight size={14} aria-hidden />
                          )}
                          <span className={classes.groupName}>
                            {byId.get(row.groupingColumnId ?? "")?.label}:
                          </span>
                          {String(row.groupingValue ?? "") || "none"}
                          <span className={classes.groupCount}>{count(row.subRows.length, "row")}</span>
                        </button>
                      </td>
                    </tr>
                  ) : (
                    <tr key={row.id} data-row data-selected={props.selected?.has(row.id) || undefined}>
                      {selectable && (
                        <td className={classes.narrow}>
                          <SelectOne {...props} row={row.original} id={row.id} />
                        </td>
                      )}
                      {shown.map((column) => (
                        <td
                          key={column.id}
                          data-column={column.id}
                          className={column.align === "end" ? classes.end : undefined}
                        >
                          {column.cell(row.original)}
                        </td>
                      ))}
                      {props.actions && (
                        <td className={`${classes.narrow} ${classes.sticky}`}>
                          {props.actions(row.original)}
                        </td>
                      )}
                    </tr>
                  ),
                )}
          </tbody>
        </table>
        {status.more && (
          <div className={classes.more}>
            <Button variant="default" loading={status.loadingMore} onClick={status.more}>
              Load more
            </Button>
          </div>
        )}
      </section>
    </div>
  );
}

function HeadCell<Row>({
  column,
  sort,
  onSort,
}: {
  column: Column<Row>;
  sort: string | undefined;
  onSort: ((sort: string | undefined) => void) | undefined;
}) {
  const field = column.sort;
  const style = column.minWidth ? { minWidth: column.minWidth } : undefined;
  const className = column.align === "end" ? classes.end : undefined;
  if (!field || !onSort) {
    return (
      <th scope="col" style={style} className={className}>
        {column.label}
      </th>
    );
  }
  const direction = sort === field ? "ascending" : sort === `-${field}` ? "descending" : "none";
  const Icon =
    direction === "ascending" ? IconArrowUp : direction === "descending" ? IconArrowDown : IconArrowsSort;
  return (
    <th scope="col" aria-sort={direction} style={style} className={className}>
      <button
        type="button"
        className={classes.sort}
        data-active={direction !== "none" || undefined}
        onClick={() => onSort(nextSort(sort, field))}
      >
        {column.label}
        <Icon size={13} aria-hidden />
      </button>
    </th>
  );
}

function SelectAll<Row>({ rows, rowId, selected, onSelect }: DataTableProps<Row>) {
  const ids = rows.map(rowId);
  const chosen = ids.filter((id) => selected?.has(id)).length;
  return (
    <Checkbox
      size="xs"
      aria-label="Select all loaded rows"
      checked={chosen > 0 && chosen === ids.length}
      indeterminate={chosen > 0 && chosen < ids.length}
      onChange={(event) => onSelect?.(event.currentTarget.checked ? new Set(ids) : new Set())}
    />
  );
}

function SelectOne<Row>({
  row,
  id,
  rowName,
  selected,
  onSelect,
}: DataTableProps<Row> & { row: Row; id: string }) {
  return (
    <Checkbox
      size="xs"
      aria-label={`Select ${rowName?.(row) ?? id}`}
      checked={selected?.has(id) ?? false}
      onChange={(event) => {
        const next = new Set(selected);
        if (event.currentTarget.checked) {
          next.add(id);
        } else {
          next.delete(id);
        }
        onSelect?.(next);
      }}
    />
  );
}

function skeletonRows(width: number): ReactNode {
  return Array.from({ length: SKELETON_ROWS }, (_, row) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: identical placeholders
    <tr key={row}>
      {Array.from({ length: width }, (_, cell) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: identical placeholders
        <td key={cell}>
          <Skeleton height={12} width={`${50 + ((row * 31 + cell * 17) % 45)}%`} />
        </td>
      ))}
    </tr>
  ));
}

/** Arrow keys on a focused link or button of a row go to the same column of the row above or below. */
function moveBetweenRows(event: KeyboardEvent<HTMLTableSectionElement>): void {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") {
    return;
  }
  const focused = event.target as HTMLElement;
  const cell = focused.closest("td");
  const row = focused.closest<HTMLTableRowElement>("tr[data-row]");
  if (!cell || !row || focused.getAttribute("aria-haspopup") || focused.getAttribute("role") === "menuitem") {
    return;
  }
  let next = event.key === "ArrowDown" ? row.nextElementSibling : row.previousElementSibling;
  while (next && !next.hasAttribute("data-row")) {
    next = event.key === "ArrowDown" ? next.nextElementSibling : next.previousElementSibling;
  }
  const target = next?.children[cell.cellIndex]?.querySelector<HTMLElement>("a, button, input");
  if (target) {
    event.preventDefault();
    target.focus();
  }
}
