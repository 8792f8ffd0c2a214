/** Flags that every command which makes jobs takes. */
import type { JobCreate, Targets } from "~/api/types";
import { amountText } from "../how";

export type RunRequest = Pick<
  JobCreate,
  "targets" | "priority" | "timeout_seconds" | "not_before" | "rolling" | "concurrency"
>;

/** One flag with its value. They are written `--flag=value`, so that no value is taken for a flag. */
export type Flag = [string, string] | [string];

const each = (flag: string, values: string[] | undefined): Flag[] =>
  (values ?? []).map((value) => [flag, value]);

const given = (flag: string, value: string | number | null | undefined): Flag[] =>
  value === null || value === undefined || value === "" ? [] : [[flag, String(value)]];

export function targetFlags(targets: Targets): Flag[] {
  if (targets.all) {
    return [["--all"]];
  }
  return [
    ...each("--agent", targets.agents),
    ...Object.entries(targets.labels ?? {}).map(([key, value]): Flag => ["--label", `${key}=${value}`]),
    ...given("--selector", targets.selector),
    ...each("--organization", targets.organizations),
    ...each("--department", targets.departments),
    ...each("--group", targets.groups),
  ];
}

export function runFlags(request: RunRequest): Flag[] {
  const { rolling, concurrency } = request;
  return [
    ...targetFlags(request.targets),
    ...(rolling
      ? [
          ...given("--batch", amountText(rolling.batch)),
          ...given("--pause", rolling.pause_seconds ? `${rolling.pause_seconds}s` : undefined),
          ...given("--stop-after", rolling.stop_after ? amountText(rolling.stop_after) : undefined),
        ]
      : []),
    ...given("--priority", request.priority),
    ...given("--timeout", request.timeout_seconds ? `${request.timeout_seconds}s` : undefined),
    ...given("--not-before", request.not_before),
    ...given("--concurrency-key", concurrency?.key),
    ...given("--concurrency-per", concurrency?.per),
  ];
}

/** Only names: the command asks for the values. */
export const secretFlags = (names: string[]): Flag[] => each("--secret", names);
