import { Alert, Button, Drawer } from "@mantine/core";
import { IconRosetteDiscountCheck, IconShieldCheck, IconShieldX } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import type { AuditRecord, AuditVerification } from "~/api/types";
import { useMissing } from "~/app/session";
import { useListPage } from "~/app/useListPage";
import { ActionButton } from "~/ui/ActionButton";
import { CopyField } from "~/ui/CopyField";
import { count, dateTime } from "~/ui/format";
import { Page, Panel } from "~/ui/Page";
import { Pill } from "~/ui/Pill";
import { EmptyState, ProblemAlert } from "~/ui/states";
import { type Column, DataTable } from "~/ui/table/DataTable";
import { Toolbar } from "~/ui/table/Toolbar";
import type { TableSearch } from "~/ui/table/urlState";
import classes from "./AuditPage.module.css";
import { auditKey, auditList, auditVerify } from "./api";
import { RecordDetail } from "./RecordDetail";

const route = getRouteApi("/app/audit");

function auditColumns(open: (record: AuditRecord) => void): Column<AuditRecord>[] {
  return [
    {
      id: "id",
      label: "Record",
      fixed: true,
      sort: "id",
      text: (record) => String(record.id),
      cell: (record) => (
        <button
          type="button"
          className={classes.open}
          aria-label={`Record ${record.id}`}
          onClick={() => open(record)}
        >
          {record.id}
        </button>
      ),
    },
    {
      id: "at",
      label: "Time",
      text: (record) => record.at,
      cell: (record) => <time dateTime={record.at}>{dateTime(record.at)}</time>,
    },
    {
      id: "actor",
      label: "Actor",
      groupable: true,
      text: (record) => record.actor,
      cell: (record) => record.actor,
    },
    {
      id: "action",
      label: "Action",
      groupable: true,
      text: (record) => record.action,
      cell: (record) => <span className="mono">{record.action}</span>,
    },
    {
      id: "object",
      label: "Object",
      groupable: true,
      text: (record) => record.object,
      cell: (record) => <span className="mono">{record.object}</span>,
    },
    {
      id: "outcome",
      label: "Outcome",
      groupable: true,
      text: (record) => record.outcome,
      cell: (record) => <OutcomePill record={record} />,
    },
    {
      id: "reason",
      label: "Reason",
      text: (record) => record.reason ?? "",
      cell: (record) => <span className={classes.reason}>{record.reason ?? ""}</span>,
    },
    {
      id: "address",
      label: "Address",
      groupable: true,
      text: (record) => record.address ?? "",
      cell: (record) => record.address ?? "",
    },
    {
      id: "hash",
      label: "Hash",
      hidden: true,
      text: (record) => record.hash,
      cell: (record) => (
        <span className="mono" title={record.hash}>
          {record.hash.slice(0, 16)}…
        </span>
      ),
    },
  ];
}

function OutcomePill({ record }: { record: AuditRecord }) {
  return record.outcome === "done" ? <Pill tone="good">Done</Pill> : <Pill tone="bad">Refused</Pill>;
}

export function AuditPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const missing = useMissing();
  const reason = missing("audit.view");
  const [opened, setOpened] = useState<AuditRecord>();
  const columns = useMemo(() => auditColumns(setOpened), []);
  const setSearch = useCallback(
    (change: Partial<TableSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const { table, list, toolbar, widen } = useListPage<AuditRecord>({
    name: "audit",
    columns: columns,
    search,
    setSearch,
    queryKey: auditKey,
    load: auditList,
  });
  const filters = useMemo(() => auditFilters(list.rows), [list.rows]);
  const verify = useMutation({ mutationFn: auditVerify });

  return (
    <Page
      fill
      title="Audit"
      aside={
        !list.status.pending && (
          <span className="dim">
            {count(list.rows.length, "record")}
            {list.status.more ? " loaded" : ""}
          </span>
        )
      }
      actions={
        <ActionButton
          label="Verify chain"
          icon={IconRosetteDiscountCheck}
          reason={reason}
          loading={verify.isPending}
          onClick={() => verify.mutate()}
        />
      }
    >
      {verify.error ? <ProblemAlert error={verify.error} /> : null}
      {verify.data && <Verification result={verify.data} onClose={() => verify.reset()} />}
      <Toolbar {...toolbar} filters={filters} searchLabel="Search the audit trail" />
      <DataTable
        label="Audit"
        columns={columns}
        layout={table.layout}
        rows={list.rows}
        rowId={(record) => String(record.id)}
        status={list.status}
        sort={search.sort ?? "-id"}
        onSort={(sort) => table.set({ sort })}
        group={search.group}
        empty={
          <EmptyState
            icon={IconShieldCheck}
            title="No record matches"
            action={
              <Button variant="default" onClick={widen}>
                Clear search and filters
              </Button>
            }
          />
        }
      />
      <Drawer
        opened={opened !== undefined}
        onClose={() => setOpened(undefined)}
        position="right"
        size="lg"
        title={opened ? `Record ${opened.id}` : ""}
      >
        {opened && <RecordDetail record={opened} />}
      </Drawer>
    </Page>
  );
}

function Verification({ result, onClose }: { result: AuditVerification; onClose: () => void }) {
  return (
    <Panel flush>
      <Alert
        color={result.intact ? "green" : "red"}
        variant="transparent"
        withCloseButton
        closeButtonLabel="Close the result"
        onClose={onClose}
        role="status"
        icon={result.intact ? <IconShieldCheck aria-hidden /> : <IconShieldX aria-hidden />}
        title={result.intact ? "The chain is intact" : "The chain is broken"}
      >
        {count(result.checked, "record")} checked.
        {result.broken && (
          <>
            {" "}
            Record {result.broken.id} does not fit: {result.broken.problem}
          </>
        )}
        {result.head && (
          <CopyField
            label="Newest hash"
            hint="keep it elsewhere: if the end is ever cut off, it shows"
            value={result.head}
          />
        )}
      </Alert>
    </Panel>
  );
}

function auditFilters(records: AuditRecord[]) {
  const seen = (values: string[]) => [...new Set(values)].sort();
  return [
    {
      id: "actor",
      label: "Actor",
      suggestions: seen(records.map((record) => record.actor)),
      placeholder: "user:1",
    },
    {
      id: "action",
      label: "Action",
      suggestions: seen(records.map((record) => record.action)),
      placeholder: "job_cancel",
    },
    {
      id: "object",
      label: "Object",
      suggestions: seen(records.map((record) => record.object)),
      placeholder: "job:42",
    },
    {
      id: "outcome",
      label: "Outcome",
      options: [
        { value: "done", label: "Done" },
        { value: "refused", label: "Refused" },
      ],
    },
  ];
}
