import { NativeSelect } from "@mantine/core";
import { IconDownload, IconRefresh } from "@tabler/icons-react";
import { useState } from "react";
import { ActionButton } from "../ActionButton";
import { downloadText, toCsv } from "../csv";
import { toastProblem } from "../toast";
import type { Column } from "./DataTable";
import { FilterBar, type FilterField } from "./FilterBar";
import { ManageColumns } from "./ManageColumns";
import { SearchField } from "./SearchField";
import classes from "./Toolbar.module.css";
import type { TableState } from "./useTableState";

interface ToolbarProps<Row> {
  table: TableState;
  columns: Column<Row>[];
  filters: FilterField[];
  /** Absent where there is nothing to search by. */
  searchLabel: string | undefined;
  onRefresh: () => Promise<unknown>;
  /** Loads every row that matches, for the export. */
  loadAll: (progress: (count: number) => void) => Promise<Row[]>;
  exportName: string;
}

/** Everything that changes what a table shows. */
export function Toolbar<Row>(props: ToolbarProps<Row>) {
  const { table, columns } = props;
  const groupable = columns.filter((column) => column.groupable);
  const [exported, setExported] = useState<number>();
  // The list is read again every few seconds; only what somebody asked for is worth showing.
  const [refreshing, setRefreshing] = useState(false);
  const refresh = async () => {
    setRefreshing(true);
    await props.onRefresh();
    setRefreshing(false);
  };

  const exportCsv = async () => {
    setExported(0);
    try {
      const rows = await props.loadAll(setExported);
      const shown = table.layout.order
        .filter((id) => !table.layout.hidden.includes(id))
        .flatMap((id) => columns.find((column) => column.id === id) ?? []);
      downloadText(`${props.exportName}.csv`, toCsv(shown, rows));
    } catch (error) {
      toastProblem("The export failed", error);
    } finally {
      setExported(undefined);
    }
  };

  return (
    <div className={classes.toolbar} role="toolbar" aria-label="Table">
      {props.searchLabel !== undefined && (
        <SearchField label={props.searchLabel} value={table.search.q} onChange={(q) => table.set({ q })} />
      )}
      <FilterBar
        fields={props.filters}
        filter={table.search.filter}
        onChange={(filter) => table.set({ filter })}
      />
      <div className={classes.right}>
        {groupable.length > 0 && (
          <NativeSelect
            size="xs"
            aria-label="Group by"
            value={table.search.group ?? ""}
            onChange={(event) => table.set({ group: event.currentTarget.value || undefined })}
            data={[
              { value: "", label: "No grouping" },
              ...groupable.map((column) => ({
                value: column.id,
                label: `Group by ${column.label.toLowerCase()}`,
              })),
            ]}
          />
        )}
        <ManageColumns columns={columns} layout={table.layout} onChange={table.setLayout} />
        <ActionButton
          label={exported ? `${exported} rows…` : "Export CSV"}
          icon={IconDownload}
          loading={exported === 0}
          reason={exported ? "An export is running" : undefined}
          onClick={() => void exportCsv()}
        />
        <ActionButton
          compact
          label="Refresh"
          icon={IconRefresh}
          loading={refreshing}
          onClick={() => void refresh()}
        />
      </div>
    </div>
  );
}
