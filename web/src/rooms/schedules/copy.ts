/** The same schedule as a command and as a request. No secret stands in either. */
import type { ScheduleCreate } from "~/api/types";
import { hereDocument } from "~/rooms/jobs/copy/cli";
import { curlCommand, withSecrets } from "~/rooms/jobs/copy/curl";
import { toYaml } from "~/ui/yaml";

const APPLY = "postern schedule apply -f -";

/** The command makes the schedule, or changes the one of this name. Secrets that are not sent are kept. */
export function applyCommand(schedule: ScheduleCreate): string {
  const secrets = secretPaths(schedule);
  return secrets.length > 0
    ? withSecrets(schedule, secrets, APPLY)
    : `${APPLY} ${hereDocument("<<", "YAML", toYaml(schedule))}`;
}

/** `id` when it is there already. */
export function scheduleCurl(origin: string, schedule: ScheduleCreate, id: number | undefined): string {
  const { organization_id: _, department_id: __, paused: ___, ...change } = schedule;
  return curlCommand({
    origin,
    ...(id === undefined
      ? { path: "/api/v1/schedules", body: schedule }
      : { path: `/api/v1/schedules/${id}`, method: "PATCH" as const, body: change }),
    secrets: secretPaths(schedule),
  });
}

const secretPaths = ({ secrets = {} }: ScheduleCreate): string[][] =>
  Object.keys(secrets).map((name) => ["secrets", name]);
