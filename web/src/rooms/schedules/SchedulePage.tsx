import { IconPencil, IconPlayerPause, IconPlayerPlay, IconRotateClockwise } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Schedule } from "~/api/types";
import { ActionButton } from "~/ui/ActionButton";
import { ActionMenu } from "~/ui/ActionMenu";
import { Page, Panel } from "~/ui/Page";
import { RelativeTime } from "~/ui/RelativeTime";
import { ErrorState, LoadingLines } from "~/ui/states";
import { cronOptions, scheduleOptions } from "./api";
import { RulesPanel, ScheduledWorkPanel, TargetsPanel } from "./DefinitionPanel";
import { comingTicks } from "./days";
import { MonthPanel } from "./MonthPanel";
import { scheduleState } from "./rules";
import classes from "./SchedulePage.module.css";
import { TicksPanel } from "./TicksPanel";
import { useScheduleActions } from "./useScheduleActions";
import { NextTicks } from "./when/NextTicks";
import { ScheduleStatePill, stateHelp } from "./words";

const route = getRouteApi("/app/schedules/$scheduleId");

const Back = () => (
  <Link to="/schedules" className="link">
    Schedules
  </Link>
);

export function SchedulePage() {
  const { scheduleId } = route.useParams();
  const query = useQuery(scheduleOptions(Number(scheduleId)));
  if (query.data) {
    return <ScheduleView key={query.data.id} schedule={query.data} />;
  }
  return (
    <Page title={`Schedule ${scheduleId}`} back={<Back />}>
      <Panel>
        {query.error ? (
          <ErrorState error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <LoadingLines />
        )}
      </Panel>
    </Page>
  );
}

const NONE: string[] = [];

function ScheduleView({ schedule }: { schedule: Schedule }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const go = useNavigate();
  const { actions, ask, reasons, pending, dialogs } = useScheduleActions(() => void go({ to: "/schedules" }));
  const { definition } = schedule;
  const zone = definition.zone ?? "UTC";
  const preview = useQuery(cronOptions(definition.cron, zone));
  const coming = useMemo(() => comingTicks(schedule, preview.data?.ticks ?? NONE), [schedule, preview.data]);
  const why = reasons(schedule);
  const state = scheduleState(schedule);
  const filter = [`schedule:${schedule.id}`];
  return (
    <Page
      title={schedule.name}
      back={<Back />}
      aside={
        <>
          <ScheduleStatePill schedule={schedule} large />
          <span className="dim">
            {state === "active" && schedule.next_at ? (
              <>
                runs <RelativeTime at={schedule.next_at} />
              </>
            ) : (
              stateHelp(schedule)
            )}
          </span>
        </>
      }
      actions={
        <>
          <ActionButton
            label="Run now"
            icon={IconPlayerPlay}
            reason={why.run}
            onClick={() => ask("run", schedule)}
          />
          <ActionButton
            label="Pause"
            icon={IconPlayerPause}
            reason={why.pause}
            loading={pending && state !== "paused"}
            onClick={() => ask("pause", schedule)}
          />
          <ActionButton
            label="Resume"
            icon={IconRotateClockwise}
            reason={why.resume}
            loading={pending && state === "paused"}
            onClick={() => ask("resume", schedule)}
          />
          <ActionButton
            label="Edit"
            icon={IconPencil}
            reason={why.edit}
            onClick={() =>
              void go({ to: "/schedules/$scheduleId/edit", params: { scheduleId: String(schedule.id) } })
            }
          />
          <ActionMenu label={`Actions for ${schedule.name}`} actions={actions(schedule)} large />
        </>
      }
    >
      {schedule.description && <p className={classes.description}>{schedule.description}</p>}
      <div className={classes.grid}>
        <div className={classes.main}>
          <MonthPanel
            schedule={schedule}
            search={search}
            setSearch={(change) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true })}
          />
          <TicksPanel schedule={schedule} />
        </div>
        <div className={classes.side}>
          <RulesPanel schedule={schedule} />
          <Panel
            title="Next ticks"
            aside={
              definition.work.kind !== "workflow" && (
                <span className={classes.links}>
                  <Link to="/executions" search={{ filter }} className="link">
                    Its executions
                  </Link>
                  <Link to="/jobs" search={{ filter }} className="link">
                    Its jobs
                  </Link>
                </span>
              )
            }
          >
            {preview.data ? (
              coming.length > 0 ? (
                <NextTicks narrow text={preview.data.text} ticks={coming} zone={zone} />
              ) : (
                <div>
                  <strong>{preview.data.text}</strong> <span className="dim">{stateHelp(schedule)}.</span>
                </div>
              )
            ) : preview.error ? (
              <ErrorState error={preview.error} onRetry={() => void preview.refetch()} />
            ) : (
              <LoadingLines lines={3} />
            )}
          </Panel>
          <TargetsPanel schedule={schedule} />
          <ScheduledWorkPanel schedule={schedule} />
        </div>
      </div>
      {dialogs}
    </Page>
  );
}
