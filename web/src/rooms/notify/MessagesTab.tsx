import { Button } from "@mantine/core";
import { IconBell, IconMailForward, IconMessage } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import type { Delivery } from "~/api/types";
import { useListPage } from "~/app/useListPage";
import { ActionMenu } from "~/ui/ActionMenu";
import { count } from "~/ui/format";
import { Notice } from "~/ui/Notice";
import { EmptyState } from "~/ui/states";
import { DataTable } from "~/ui/table/DataTable";
import { Toolbar } from "~/ui/table/Toolbar";
import type { TableSearch } from "~/ui/table/urlState";
import { COUNTED, deliveryKey, deliveryList } from "./api";
import { deliveryColumns, deliveryFilters } from "./columns";
import classes from "./notify.module.css";
import { useResend } from "./useResend";

const route = getRouteApi("/app/notifications");

interface MessagesTabProps {
  /** How many were given up. */
  dead: number;
  onShow: (id: number) => void;
}

const DEAD = "state:dead";

/** Every message that was written, the newest first. */
export function MessagesTab({ dead, onShow }: MessagesTabProps) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const setSearch = useCallback(
    (change: Partial<TableSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const columns = useMemo(() => deliveryColumns(({ id }) => onShow(id)), [onShow]);
  const { table, list, toolbar, narrowed, widen } = useListPage<Delivery>({
    name: "deliveries",
    columns,
    search,
    setSearch,
    queryKey: deliveryKey,
    load: deliveryList,
  });
  const resend = useResend();
  const onlyDead = search.filter?.join() === DEAD;
  return (
    <div className={classes.tab}>
      {dead > 0 && !onlyDead && (
        <Notice
          tone="warn"
          role="status"
          title={
            dead > COUNTED
              ? `More than ${count(COUNTED, "message")} could not be delivered`
              : `${count(dead, "message")} could not be delivered`
          }
        >
          <div className={classes.dead}>
            The receiver refused it for good, or did not take it for hours. Once that is mended it can be sent
            again.
            <Button variant="default" onClick={() => setSearch({ filter: [DEAD], q: undefined })}>
              Show them
            </Button>
          </div>
        </Notice>
      )}
      <Toolbar {...toolbar} filters={deliveryFilters} searchLabel="Search by title or receiver" />
      <DataTable
        label="Messages"
        columns={columns}
        layout={table.layout}
        rows={list.rows}
        rowId={(delivery) => String(delivery.id)}
        status={list.status}
        group={search.group}
        actions={(delivery) => (
          <ActionMenu
            label={`Actions for message ${delivery.id}`}
            actions={[
              { label: "Show", icon: IconMessage, onSelect: () => onShow(delivery.id) },
              {
                label: "Send again",
                icon: IconMailForward,
                reason: resend.reason(delivery),
                onSelect: () => resend.send(delivery),
              },
            ]}
          />
        )}
        empty={
          narrowed ? (
            <EmptyState
              icon={IconBell}
              title="No message matches"
              action={
                <Button variant="default" onClick={widen}>
                  Clear search and filters
                </Button>
              }
            />
          ) : (
            <EmptyState icon={IconBell} title="No message was sent yet">
              Who is asked for an approval gets an e-mail, webhooks are told what they asked for, and steps of
              workflows say what they are written to say. What became of each is listed here.
            </EmptyState>
          )
        }
      />
    </div>
  );
}
