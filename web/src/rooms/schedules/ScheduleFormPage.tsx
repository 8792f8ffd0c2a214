import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useMissing } from "~/app/session";
import { Page, Panel } from "~/ui/Page";
import { EmptyState, ErrorState, LoadingLines } from "~/ui/states";
import { toastDone } from "~/ui/toast";
import { scheduleOptions } from "./api";
import { draftOf, emptySchedule } from "./draft";
import { scheduleReasons } from "./rules";
import { ScheduleForm } from "./ScheduleForm";

const newRoute = getRouteApi("/app/schedules/new");
const editRoute = getRouteApi("/app/schedules/$scheduleId/edit");

export function NewSchedulePage() {
  const { script, action, workflow } = newRoute.useSearch();
  const navigate = useNavigate();
  const reason = useMissing()("jobs.manage");
  const start = useMemo(
    () =>
      emptySchedule({
        script: Number(script) || undefined,
        action: Number(action) || undefined,
        workflow: Number(workflow) || undefined,
      }),
    [script, action, workflow],
  );
  return (
    <Page
      title="New schedule"
      back={
        <Link to="/schedules" className="link">
          Schedules
        </Link>
      }
    >
      {reason ? (
        <Panel>
          <EmptyState title="You cannot make schedules">{reason}</EmptyState>
        </Panel>
      ) : (
        <ScheduleForm
          key={`${script ?? ""} ${action ?? ""} ${workflow ?? ""}`}
          start={start}
          onSaved={({ id, name }) => {
            toastDone(`${name} is made`);
            void navigate({ to: "/schedules/$scheduleId", params: { scheduleId: String(id) } });
          }}
        />
      )}
    </Page>
  );
}

export function EditSchedulePage() {
  const { scheduleId } = editRoute.useParams();
  const navigate = useNavigate();
  const missing = useMissing();
  const [round, setRound] = useState(0);
  // Read once, as it is now: what somebody else saves meanwhile must not change a form that is being filled in.
  const query = useQuery({
    ...scheduleOptions(Number(scheduleId)),
    refetchInterval: false,
    refetchOnWindowFocus: false,
    refetchOnMount: "always",
  });
  const schedule = query.isFetchedAfterMount ? query.data : undefined;
  const reason = schedule && scheduleReasons(schedule, missing).edit;
  return (
    <Page
      title={query.data ? `Edit ${query.data.name}` : "Edit a schedule"}
      back={
        <Link to="/schedules/$scheduleId" params={{ scheduleId }} className="link">
          {query.data?.name ?? `Schedule ${scheduleId}`}
        </Link>
      }
    >
      {reason ? (
        <Panel>
          <EmptyState title="It cannot be edited">{reason}</EmptyState>
        </Panel>
      ) : schedule ? (
        <ScheduleForm
          key={`${schedule.id} ${round}`}
          start={draftOf(schedule)}
          schedule={schedule}
          onReload={() => setRound((before) => before + 1)}
          onSaved={({ name }) => {
            toastDone(`${name} is saved`);
            void navigate({ to: "/schedules/$scheduleId", params: { scheduleId } });
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
