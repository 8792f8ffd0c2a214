import { useCallback, useMemo, useState } from "react";
import {
  type ColumnChoice,
  fitLayout,
  type Layout,
  layoutFromParam,
  layoutToParam,
  loadLayout,
  saveLayout,
} from "./layout";
import type { TableSearch } from "./urlState";

export interface TableState {
  search: TableSearch;
  set: (change: Partial<TableSearch>) => void;
  layout: Layout;
  /** `undefined` goes back to the standard. */
  setLayout: (layout: Layout | undefined) => void;
}

interface Options {
  table: string;
  user: number | string;
  columns: ColumnChoice[];
  search: TableSearch;
  setSearch: (change: Partial<TableSearch>) => void;
}

/** What the URL says of a table, and the user's own columns where it says nothing about them. */
export function useTableState({ table, user, columns, search, setSearch }: Options): TableState {
  const [stored, setStored] = useState(() => loadLayout(table, user));
  const layout = useMemo(
    () => (search.columns ? layoutFromParam(columns, search.columns) : fitLayout(columns, stored)),
    [search.columns, columns, stored],
  );
  const setLayout = useCallback(
    (next: Layout | undefined) => {
      saveLayout(table, user, next);
      setStored(next);
      setSearch({ columns: next ? layoutToParam(next) : undefined });
    },
    [table, user, setSearch],
  );
  return { search, set: setSearch, layout, setLayout };
}
