/** What state a schedule is in, what can be done with it now, and if not, why. */
import type { Calendar, Permission, Schedule } from "~/api/types";

export type ScheduleState = "active" | "waiting" | "paused" | "ended";

type Facts = Pick<Schedule, "paused" | "next_at" | "waiting">;
type Missing = (permission: Permission) => string | undefined;

export function scheduleState({ paused, next_at: next, waiting }: Facts): ScheduleState {
  if (paused) {
    return "paused";
  }
  if (waiting) {
    return "waiting";
  }
  return next ? "active" : "ended";
}

export interface ScheduleReasons {
  run: string | undefined;
  pause: string | undefined;
  resume: string | undefined;
  edit: string | undefined;
  remove: string | undefined;
}

export function scheduleReasons(
  schedule: Facts & Pick<Schedule, "definition">,
  missing: Missing,
): ScheduleReasons {
  const manage = missing("jobs.manage");
  const state = scheduleState(schedule);
  return {
    run: manage,
    pause: manage ?? pauseReason(state),
    resume: manage ?? (state === "paused" ? undefined : "It is not paused"),
    edit:
      manage ?? (isKnown(schedule) ? undefined : "This page does not know this kind of work: use the CLI"),
    remove: manage,
  };
}

function pauseReason(state: ScheduleState): string | undefined {
  return state === "paused"
    ? "It is paused already"
    : state === "ended"
      ? "It has ended: there is nothing to pause"
      : undefined;
}

/** A newer server may have kinds that these pages have no form for. */
const isKnown = ({ definition }: Pick<Schedule, "definition">) =>
  ["job", "script", "action", "workflow"].includes(definition.work.kind);

/** Schedules by name; anything else, like `host group web`, in words. No name has a space in it. */
export const isScheduleName = (user: string): boolean => !user.includes(" ");

export function calendarRemoveReason(
  { used_by: users }: Pick<Calendar, "used_by">,
  missing: Missing,
): string | undefined {
  return (
    missing("jobs.manage") ??
    (users.length > 0 ? `It is used by ${users.join(", ")}: change those first` : undefined)
  );
}
