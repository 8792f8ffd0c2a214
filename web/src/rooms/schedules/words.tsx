/** How schedules and their ticks are said and coloured, in one place. */
import {
  IconBan,
  IconCalendarOff,
  IconClock,
  IconClockX,
  IconHourglass,
  IconPlayerPause,
  IconPlayerPlay,
  IconReplace,
  IconSquareCheck,
  IconStack2,
  type TablerIcon,
} from "@tabler/icons-react";
import type { BlackoutTick, Missed, Overlap, Schedule, TickFate } from "~/api/types";
import { Pill, type Tone } from "~/ui/Pill";
import { type ScheduleState, scheduleState } from "./rules";

interface StateWords {
  label: string;
  tone: Tone;
  icon: TablerIcon;
  help: string;
}

export const SCHEDULE_STATE: Record<ScheduleState, StateWords> = {
  active: { label: "Active", tone: "good", icon: IconClock, help: "It runs at its next tick" },
  waiting: {
    label: "Waiting",
    tone: "busy",
    icon: IconHourglass,
    help: "A tick waits for the run before it, or for the end of a blackout",
  },
  paused: {
    label: "Paused",
    tone: "wait",
    icon: IconPlayerPause,
    help: "It begins nothing until it is resumed",
  },
  ended: {
    label: "Ended",
    tone: "wait",
    icon: IconSquareCheck,
    help: "It has reached its number of runs or its end",
  },
};

/** What the state means; of a tick that waits, what it waits for. */
export function stateHelp(schedule: Schedule): string {
  const state = scheduleState(schedule);
  return (state === "waiting" && schedule.waiting_reason) || SCHEDULE_STATE[state].help;
}

export function ScheduleStatePill({ schedule, large }: { schedule: Schedule; large?: boolean }) {
  const { label, tone, icon } = SCHEDULE_STATE[scheduleState(schedule)];
  return (
    <Pill tone={tone} icon={icon} large={large} title={stateHelp(schedule)}>
      {label}
    </Pill>
  );
}

interface Choice {
  label: string;
  help: string;
}

export const MISSED: Record<Missed, Choice> = {
  skip: {
    label: "Leave it at that",
    help: "Ticks that no server saw are gone; the list of ticks says how many.",
  },
  run_once: {
    label: "Run once afterwards",
    help: "All that were missed together make one run, as soon as a server is there.",
  },
};

export const OVERLAP: Record<Overlap, Choice> = {
  skip: {
    label: "Skip the tick",
    help: "While a job of the run before has not ended, a tick is passed over.",
  },
  queue: {
    label: "Wait",
    help: "It runs when the run before has ended; of several that wait, the last one does.",
  },
  allow: { label: "Run beside it", help: "It runs whether the run before has ended or not." },
};

export const BLACKOUT_TICK: Record<BlackoutTick, Choice> = {
  wait: { label: "Wait for its end", help: "A tick in a blackout runs when the blackout is over." },
  skip: { label: "Skip the tick", help: "A tick in a blackout is passed over." },
};

export const FATE: Record<TickFate, { label: string; tone: Tone; icon?: TablerIcon }> = {
  ran: { label: "Ran", tone: "good" },
  run_now: { label: "Run now", tone: "good", icon: IconPlayerPlay },
  missed: { label: "Missed", tone: "warn", icon: IconClockX },
  overlap: { label: "Passed over: still running", tone: "wait", icon: IconStack2 },
  blackout: { label: "Passed over: blackout", tone: "wait", icon: IconCalendarOff },
  replaced: { label: "A later one took its place", tone: "wait", icon: IconReplace },
  failed: { label: "Failed", tone: "bad", icon: IconBan },
};

export function FatePill({ fate }: { fate: TickFate }) {
  const { label, tone, icon } = FATE[fate];
  return (
    <Pill tone={tone} icon={icon}>
      {label}
    </Pill>
  );
}
