import { Button } from "@mantine/core";
import { IconBooks, IconCode, IconFileImport, IconPlus } from "@tabler/icons-react";
import { lazy, Suspense, useMemo, useState } from "react";
import type { ListQuery } from "~/api/list";
import type { SavedScript, ScriptKind } from "~/api/types";
import { useMissing } from "~/app/session";
import { useListPage } from "~/app/useListPage";
import { ActionButton } from "~/ui/ActionButton";
import { ActionMenu } from "~/ui/ActionMenu";
import { count } from "~/ui/format";
import { Page } from "~/ui/Page";
import { EmptyState } from "~/ui/states";
import { DataTable } from "~/ui/table/DataTable";
import { Toolbar } from "~/ui/table/Toolbar";
import type { TableSearch } from "~/ui/table/urlState";
import { scriptKey, scriptList } from "./api";
import { kindFilter, languageFilter, scriptColumns } from "./columns";
import { NewScriptDialog } from "./ScriptDialogs";
import { useScriptActions } from "./useScriptActions";

// What reads YAML is loaded when somebody has some.
const ImportDialog = lazy(() =>
  import("./files/ImportDialog").then(({ ImportDialog }) => ({ default: ImportDialog })),
);

interface ScriptTableProps {
  search: TableSearch;
  setSearch: (change: Partial<TableSearch>) => void;
  /** Only these; all when absent. */
  kind?: ScriptKind;
}

const LIBRARY_COLUMNS = scriptColumns.filter((column) => column.id !== "kind");

export function ScriptTable({ search, setSearch, kind }: ScriptTableProps) {
  const missing = useMissing();
  const library = kind === "library";
  const columns = library ? LIBRARY_COLUMNS : scriptColumns;
  const { queryKey, load } = useMemo(
    () => ({
      queryKey: [...scriptKey, kind ?? "all"],
      load: (query: ListQuery) =>
        scriptList(kind ? { ...query, filter: [...(query.filter ?? []), `kind:${kind}`] } : query),
    }),
    [kind],
  );
  const { table, list, toolbar, narrowed, widen } = useListPage<SavedScript>({
    name: library ? "libraries" : "scripts",
    columns,
    search,
    setSearch,
    queryKey,
    load,
  });
  const [adding, setAdding] = useState(false);
  const [importing, setImporting] = useState(false);
  const { actions, dialogs } = useScriptActions();
  const noun = library ? "library" : "script";
  const Icon = library ? IconBooks : IconCode;
  const add = (
    <ActionButton
      label={`New ${noun}`}
      icon={IconPlus}
      variant="filled"
      reason={missing("scripts.manage")}
      onClick={() => setAdding(true)}
    />
  );
  return (
    <Page
      fill
      title={library ? "Libraries" : "Scripts"}
      aside={
        !list.status.pending && (
          <span className="dim">
            {count(list.rows.length, noun, library ? "libraries" : "scripts")}
            {list.status.more ? " loaded" : ""}
          </span>
        )
      }
      actions={
        <>
          <ActionButton
            label="Import"
            icon={IconFileImport}
            reason={missing("scripts.manage")}
            onClick={() => setImporting(true)}
          />
          {add}
        </>
      }
    >
      <Toolbar
        {...toolbar}
        filters={library ? [languageFilter] : [kindFilter, languageFilter]}
        searchLabel="Search name and code"
      />
      <DataTable
        label={library ? "Libraries" : "Scripts"}
        columns={columns}
        layout={table.layout}
        rows={list.rows}
        rowId={(script) => String(script.id)}
        status={list.status}
        sort={search.sort ?? "name"}
        onSort={(sort) => table.set({ sort })}
        group={search.group}
        actions={(script) => <ActionMenu label={`Actions for ${script.name}`} actions={actions(script)} />}
        empty={
          narrowed ? (
            <EmptyState
              icon={Icon}
              title={`No ${noun} matches`}
              action={
                <Button variant="default" onClick={widen}>
                  Clear search and filters
                </Button>
              }
            />
          ) : (
            <EmptyState
              icon={Icon}
              title={library ? "There are no libraries yet" : "There are no scripts yet"}
              action={add}
            >
              {library
                ? "A library is code that scripts of the same language link: it is put before theirs."
                : "A script is saved code with typed parameters. Each save is a version; a run names the one it takes."}
            </EmptyState>
          )
        }
      />
      <NewScriptDialog opened={adding} kind={kind ?? "script"} onClose={() => setAdding(false)} />
      {importing && (
        <Suspense>
          <ImportDialog onClose={() => setImporting(false)} />
        </Suspense>
      )}
      {dialogs}
    </Page>
  );
}
