import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { ActionDetail } from "~/api/types";
import { useMissing, useSession } from "~/app/session";
import { Page, Panel } from "~/ui/Page";
import { EmptyState, ErrorState, LoadingLines } from "~/ui/states";
import { toastDone } from "~/ui/toast";
import { ActionForm } from "./ActionForm";
import { actionOptions } from "./api";
import { draftOf, emptyAction } from "./draft";
import { actionReasons } from "./rules";

const editRoute = getRouteApi("/app/actions/$actionId/edit");

export function NewActionPage() {
  const navigate = useNavigate();
  const reason = useMissing()("jobs.manage");
  const start = useMemo(emptyAction, []);
  return (
    <Page
      title="New action"
      back={
        <Link to="/actions" className="link">
          Actions
        </Link>
      }
    >
      {reason ? (
        <Panel>
          <EmptyState title="You cannot make actions">{reason}</EmptyState>
        </Panel>
      ) : (
        <ActionForm
          start={start}
          onSaved={({ id, name }) => {
            toastDone(`${name} is made; it runs once it is deployed`);
            void navigate({ to: "/actions/$actionId", params: { actionId: String(id) } });
          }}
        />
      )}
    </Page>
  );
}

export function EditActionPage() {
  const { actionId } = editRoute.useParams();
  const navigate = useNavigate();
  const missing = useMissing();
  const { user } = useSession();
  const query = useQuery(actionOptions(Number(actionId)));
  // Taken once: what somebody else saves meanwhile must not change a form that is being filled in.
  const [taken, setTaken] = useState<ActionDetail>();
  if (query.data && !query.isFetching && !taken) {
    setTaken(query.data);
  }
  const reason = taken ? actionReasons(taken, missing, user).edit : missing("jobs.manage");
  return (
    <Page
      title={taken ? `Edit ${taken.name}` : "Edit an action"}
      back={
        <Link to="/actions/$actionId" params={{ actionId }} className="link">
          {taken?.name ?? `Action ${actionId}`}
        </Link>
      }
    >
      {reason ? (
        <Panel>
          <EmptyState title="It cannot be edited">{reason}</EmptyState>
        </Panel>
      ) : taken ? (
        <ActionForm
          key={taken.draft_sha256}
          start={draftOf(taken)}
          action={taken}
          onReload={setTaken}
          onSaved={({ name }) => {
            toastDone(`The draft of ${name} is saved`);
            void navigate({
              to: "/actions/$actionId",
              params: { actionId },
              search: { tab: "draft" },
            });
          }}
        />
      ) : (
        <Panel>
          {query.error ? (
            <ErrorState error={query.error} onRetry={() => void query.refetch()} />
          ) : (
            <LoadingLines />
          )}
        </Panel>
      )}
    </Page>
  );
}
