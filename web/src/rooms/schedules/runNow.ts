/** A run of a schedule besides its ticks, as a command and as a request. */
import type { Schedule } from "~/api/types";
import { write } from "~/rooms/jobs/copy/cli";
import { curlCommand } from "~/rooms/jobs/copy/curl";

export const runNowCommand = ({ name }: Pick<Schedule, "name">): string =>
  write({ verb: ["schedule", "run"], words: [name] });

export const runNowCurl = (origin: string, { id }: Pick<Schedule, "id">): string =>
  curlCommand({ origin, path: `/api/v1/schedules/${id}/run`, secrets: [] });
