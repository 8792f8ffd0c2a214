import type { ReactNode } from "react";
import classes from "./SimpleTable.module.css";

export interface SimpleColumn<Row> {
  label: string;
  cell: (row: Row) => ReactNode;
  align?: "end";
  /** The last one: in sight while the others scroll sideways. */
  stays?: boolean;
}

interface SimpleTableProps<Row> {
  label: string;
  columns: SimpleColumn<Row>[];
  rows: Row[];
  rowKey: (row: Row, index: number) => string;
  empty?: string;
  /** Without a frame: what it stands in has one. */
  flush?: boolean;
}

/** A table to be read: nothing in it is sorted, filtered or chosen. */
export function SimpleTable<Row>({ label, columns, rows, rowKey, empty, flush }: SimpleTableProps<Row>) {
  if (rows.length === 0 && empty) {
    return <p className="dim">{empty}</p>;
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section className={classes.scroll} data-flush={flush || undefined} aria-label={label} tabIndex={0}>
      <table className={classes.table} aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column.label}
                scope="col"
                data-end={column.align === "end" || undefined}
                data-stays={column.stays}
              >
                {column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={rowKey(row, index)}>
              {columns.map((column) => (
                <td
                  key={column.label}
                  data-end={column.align === "end" || undefined}
                  data-stays={column.stays}
                >
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
