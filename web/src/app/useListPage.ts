/** What the pages with a table have in common: the state in the URL, the rows it asks for, the user's columns. */
import type { QueryKey } from "@tanstack/react-query";
import { useMemo } from "react";
import { allItems, type ListState, type LoadPage } from "~/api/list";
import { useList } from "~/api/useList";
import type { Column } from "~/ui/table/DataTable";
import type { TableSearch } from "~/ui/table/urlState";
import { useTableState } from "~/ui/table/useTableState";
import { useSession } from "./session";

interface ListPage<Row> {
  /** Under this name the user's columns are remembered. */
  name: string;
  columns: Column<Row>[];
  search: TableSearch;
  setSearch: (change: Partial<TableSearch>) => void;
  queryKey: QueryKey;
  load: LoadPage<Row>;
}

export function useListPage<Row>({ name, columns, search, setSearch, queryKey, load }: ListPage<Row>) {
  const { user } = useSession();
  const table = useTableState({ table: name, user: user.id, columns, search, setSearch });
  const { q, sort, filter } = search;
  const state = useMemo<ListState>(() => ({ search: q, sort, filter }), [q, sort, filter]);
  const list = useList<Row>(queryKey, state, load);
  return {
    table,
    list,
    /** Whether an empty list may only be empty because of what is asked for. */
    narrowed: Boolean(q || filter),
    widen: () => setSearch({ q: undefined, filter: undefined }),
    toolbar: {
      table,
      columns,
      onRefresh: list.refresh,
      loadAll: (progress: (count: number) => void) => allItems(state, load, progress),
      exportName: name,
    },
  };
}
