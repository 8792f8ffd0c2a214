import { Button } from "@mantine/core";
import { IconUserCheck } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import { useCallback } from "react";
import type { Approval } from "~/api/types";
import { useListPage } from "~/app/useListPage";
import { count } from "~/ui/format";
import { Page } from "~/ui/Page";
import { EmptyState } from "~/ui/states";
import { DataTable } from "~/ui/table/DataTable";
import { Toolbar } from "~/ui/table/Toolbar";
import type { TableSearch } from "~/ui/table/urlState";
import { approvalKey, approvalList } from "./api";
import { approvalColumns, approvalFilters } from "./columns";

const route = getRouteApi("/app/approvals");

export function ApprovalsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const setSearch = useCallback(
    (change: Partial<TableSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const { table, list, toolbar, narrowed, widen } = useListPage<Approval>({
    name: "approvals",
    columns: approvalColumns,
    search,
    setSearch,
    queryKey: approvalKey,
    load: approvalList,
  });
  return (
    <Page
      fill
      title="Approvals"
      aside={
        !list.status.pending && (
          <span className="dim">
            {count(list.rows.length, "approval")}
            {list.status.more ? " loaded" : ""}, newest first
          </span>
        )
      }
    >
      <Toolbar {...toolbar} filters={approvalFilters} searchLabel="Search by title" />
      <DataTable
        label="Approvals"
        columns={approvalColumns}
        layout={table.layout}
        rows={list.rows}
        rowId={(approval) => String(approval.id)}
        status={list.status}
        group={search.group}
        empty={
          narrowed ? (
            <EmptyState
              icon={IconUserCheck}
              title="No approval matches"
              action={
                <Button variant="default" onClick={widen}>
                  Clear search and filters
                </Button>
              }
            />
          ) : (
            <EmptyState icon={IconUserCheck} title="Nothing was ever asked">
              A workflow can ask people before it goes on. Each such question is listed here, with what it
              came to.
            </EmptyState>
          )
        }
      />
    </Page>
  );
}
