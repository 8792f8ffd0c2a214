import { getRouteApi } from "@tanstack/react-router";
import { useCallback } from "react";
import type { TableSearch } from "~/ui/table/urlState";
import { ScriptTable } from "./ScriptTable";

const route = getRouteApi("/app/libraries");

/** The same list, of libraries only. */
export function LibrariesPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const setSearch = useCallback(
    (change: Partial<TableSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  return <ScriptTable search={search} setSearch={setSearch} kind="library" />;
}
