/** The same schedule as a command and as a request. No secret stands in either. */
import type { ScheduleCreate, ScheduleUpdate } from "~/api/types";
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

export const createCurl = (origin: string, body: ScheduleCreate): string =>
  curlCommand({ origin, path: "/api/v1/schedules", body, secrets: secretPaths(body) });

export const updateCurl = (origin: string, id: number, body: ScheduleUpdate): string =>
  curlCommand({
    origin,
    path: `/api/v1/schedules/${id}`,
    method: "PATCH",
    body,
    secrets: secretPaths(body),
  });

const secretPaths = ({ secrets }: Pick<ScheduleUpdate, "secrets">): string[][] =>
  Object.keys(secrets ?? {}).map((name) => ["secrets", name]);
