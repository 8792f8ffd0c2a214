import { Button } from "@mantine/core";
import {
  IconBuilding,
  IconPencil,
  IconPlus,
  IconServer2,
  IconShieldCheck,
  IconSitemap,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import type { Organization } from "~/api/types";
import { useMissing, useSession } from "~/app/session";
import { useListPage } from "~/app/useListPage";
import { ActionButton } from "~/ui/ActionButton";
import { type Action, ActionMenu } from "~/ui/ActionMenu";
import { count } from "~/ui/format";
import { Page } from "~/ui/Page";
import { EmptyState } from "~/ui/states";
import { type Column, DataTable } from "~/ui/table/DataTable";
import { Toolbar } from "~/ui/table/Toolbar";
import type { TableSearch } from "~/ui/table/urlState";
import { organizationKey, organizationList, organizationsOptions } from "./api";
import { AddOrganizationDialog, DepartmentsDialog, EditOrganizationDialog } from "./OrganizationDialogs";
import { useManaged } from "./useManaged";

const route = getRouteApi("/app/organizations");
const SHOWN_DEPARTMENTS = 4;

const NAME: Column<Organization> = {
  id: "name",
  label: "Name",
  fixed: true,
  sort: "name",
  minWidth: "9rem",
  text: (organization) => organization.name,
  cell: (organization) => <strong>{organization.name}</strong>,
};

const TENANT: Column<Organization> = {
  id: "tenant",
  label: "Tenant",
  groupable: true,
  text: (organization) => String(organization.tenant_id),
  cell: (organization) => organization.tenant_id,
};

const REST: Column<Organization>[] = [
  {
    id: "departments",
    label: "Departments",
    text: (organization) => organization.departments.map((one) => one.name).join(", "),
    cell: (organization) => <Departments organization={organization} />,
  },
  {
    id: "renewal",
    label: "Credential renewal",
    groupable: true,
    text: (organization) => (organization.renew_credentials ? "on" : "off"),
    cell: (organization) => (organization.renew_credentials ? "On" : <strong>Off</strong>),
  },
];

function Departments({ organization: { departments } }: { organization: Organization }) {
  if (departments.length === 0) {
    return <span className="dim">–</span>;
  }
  const shown = departments.slice(0, SHOWN_DEPARTMENTS).map((one) => one.name);
  const rest = departments.length - shown.length;
  return (
    <>
      {shown.join(", ")}
      {rest > 0 && <span className="dim"> and {rest} more</span>}
    </>
  );
}

type Asked = { what: "edit" | "departments"; organization: Organization };

export function OrganizationsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const go = useNavigate();
  const missing = useMissing();
  const { manage } = useManaged();
  const { user: me } = useSession();
  const { data: all = [] } = useQuery(organizationsOptions);
  const severalTenants = all.some((organization) => organization.tenant_id !== me.tenant_id);
  const columns = useMemo(() => [NAME, ...(severalTenants ? [TENANT] : []), ...REST], [severalTenants]);
  const setSearch = useCallback(
    (change: Partial<TableSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const { table, list, toolbar, narrowed, widen } = useListPage<Organization>({
    name: "organizations",
    columns,
    search,
    setSearch,
    queryKey: organizationKey,
    load: organizationList,
  });
  const [adding, setAdding] = useState(false);
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  const reasonAt = ({ id, tenant_id }: Organization) => manage({ tenant: tenant_id, organization: id });
  /** As it is now: departments are added while the dialog is open. */
  const current = list.rows.find((organization) => organization.id === asked?.organization.id);

  const actions = (organization: Organization): (Action | "divider")[] => [
    {
      label: "Edit",
      icon: IconPencil,
      reason: reasonAt(organization),
      onSelect: () => setAsked({ what: "edit", organization }),
    },
    {
      label: "Departments",
      icon: IconSitemap,
      onSelect: () => setAsked({ what: "departments", organization }),
    },
    "divider",
    {
      label: "Agents",
      icon: IconServer2,
      reason: missing("agents.view"),
      onSelect: () => void go({ to: "/agents", search: { filter: [`organization:${organization.name}`] } }),
    },
    {
      label: "View audit",
      icon: IconShieldCheck,
      reason: missing("audit.view"),
      onSelect: () =>
        void go({ to: "/audit", search: { filter: [`object:organization:${organization.id}`] } }),
    },
  ];
  const add = (
    <ActionButton
      label="Add organization"
      icon={IconPlus}
      variant="filled"
      reason={manage({ tenant: me.tenant_id })}
      onClick={() => setAdding(true)}
    />
  );

  return (
    <Page
      fill
      title="Organizations"
      aside={!list.status.pending && <span className="dim">{count(list.rows.length, "organization")}</span>}
      actions={add}
    >
      <Toolbar {...toolbar} filters={[]} searchLabel="Search by name" />
      <DataTable
        label="Organizations"
        columns={columns}
        layout={table.layout}
        rows={list.rows}
        rowId={(organization) => String(organization.id)}
        status={list.status}
        sort={search.sort ?? "name"}
        onSort={(sort) => table.set({ sort })}
        group={search.group}
        actions={(organization) => (
          <ActionMenu label={`Actions for ${organization.name}`} actions={actions(organization)} />
        )}
        empty={
          narrowed ? (
            <EmptyState
              icon={IconBuilding}
              title="No organization or department matches"
              action={
                <Button variant="default" onClick={widen}>
                  Clear search
                </Button>
              }
            />
          ) : (
            <EmptyState icon={IconBuilding} title="There are no organizations" action={add}>
              Agents belong to an organization, and to one of its departments if wanted.
            </EmptyState>
          )
        }
      />
      <AddOrganizationDialog opened={adding} onClose={() => setAdding(false)} />
      {asked?.what === "edit" && <EditOrganizationDialog organization={asked.organization} onClose={close} />}
      {asked?.what === "departments" && (
        <DepartmentsDialog
          organization={current ?? asked.organization}
          reason={reasonAt(asked.organization)}
          onClose={close}
        />
      )}
    </Page>
  );
}
