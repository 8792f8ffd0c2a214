import { IconRoute } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import { useCallback } from "react";
import { LinkButton } from "~/ui/LinkButton";
import { Page } from "~/ui/Page";
import { EmptyState } from "~/ui/states";
import type { TableSearch } from "~/ui/table/urlState";
import { InstanceTable } from "./InstanceTable";

const route = getRouteApi("/app/instances");

export function InstancesPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const setSearch = useCallback(
    (change: Partial<TableSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  return (
    <Page fill title="Instances" aside={<span className="dim">runs of workflows, newest first</span>}>
      <InstanceTable
        search={search}
        setSearch={setSearch}
        empty={
          <EmptyState
            icon={IconRoute}
            title="No workflow has been run yet"
            action={
              <LinkButton to="/workflows" variant="default">
                Go to the workflows
              </LinkButton>
            }
          >
            Each run of a workflow is an instance. It keeps the version it began with, and goes on after a
            restart of the server.
          </EmptyState>
        }
      />
    </Page>
  );
}
