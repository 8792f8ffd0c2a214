/** What a host group does with its jobs while a calendar has a blackout, as it stands in the form. */
import type { BlackoutJobs, Group, GroupBlackout } from "~/api/types";

export interface BlackoutDraft {
  /** Id of the calendar; empty for none. */
  calendar: string;
  jobs: BlackoutJobs;
}

/** `told` says of a group with a calendar what becomes of its jobs. */
export const BLACKOUT_JOBS: Record<BlackoutJobs, { label: string; told: string; help: string }> = {
  wait: {
    label: "Wait for its end",
    told: "jobs wait",
    help: "Jobs that are made by way of the group begin when the blackout is over.",
  },
  skip: {
    label: "Skip the jobs",
    told: "jobs are skipped",
    help: "Jobs that are made by way of the group are cancelled as soon as they would begin, and say why.",
  },
};

export function blackoutFrom(blackout: Group["blackout"]): BlackoutDraft {
  return { calendar: blackout ? String(blackout.calendar_id) : "", jobs: blackout?.jobs ?? "wait" };
}

export function toBlackout({ calendar, jobs }: BlackoutDraft): GroupBlackout | undefined {
  return calendar === "" ? undefined : { calendar_id: Number(calendar), jobs };
}

/** What is absent stays, so no calendar is said as calendar 0. */
export function changedBlackout(draft: BlackoutDraft, before: Group["blackout"]): GroupBlackout | undefined {
  const wanted = toBlackout(draft);
  if (wanted?.calendar_id === before?.calendar_id && wanted?.jobs === before?.jobs) {
    return undefined;
  }
  return wanted ?? { calendar_id: 0, jobs: draft.jobs };
}

/** `freeze: jobs wait` */
export function blackoutWords(
  { calendar_id: id, jobs }: GroupBlackout,
  calendars: Map<number, string>,
): string {
  return `${calendars.get(id) ?? `calendar ${id}`}: ${BLACKOUT_JOBS[jobs].told}`;
}
