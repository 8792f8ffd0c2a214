/** The same action, and the same run of it, as a command and as a request. No secret stands in any of them. */
import type { ActionCreate, ActionRun, Parameter } from "~/api/types";
import { hereDocument, write } from "~/rooms/jobs/copy/cli";
import { curlCommand, withSecrets } from "~/rooms/jobs/copy/curl";
import { type Flag, secretFlags } from "~/rooms/jobs/copy/options";
import { toYaml } from "~/ui/yaml";

const APPLY = "postern action apply -f -";

/** The command makes the action, or changes the draft of the one of this name. Secrets that are not sent are kept. */
export function applyCommand(action: ActionCreate): string {
  const secrets = secretPaths(action);
  return secrets.length > 0
    ? withSecrets(action, secrets, APPLY)
    : `${APPLY} ${hereDocument("<<", "YAML", toYaml(action))}`;
}

/** `id` when it is there already. */
export function actionCurl(origin: string, action: ActionCreate, id: number | undefined): string {
  const { organization_id: _, department_id: __, ...change } = action;
  return curlCommand({
    origin,
    ...(id === undefined
      ? { path: "/api/v1/actions", body: action }
      : { path: `/api/v1/actions/${id}`, method: "PATCH" as const, body: change }),
    secrets: secretPaths(action),
  });
}

const secretPaths = ({ secrets = {} }: ActionCreate): string[][] =>
  Object.keys(secrets).map((name) => ["secrets", name]);

export function runCommand(name: string, asks: Parameter[], request: ActionRun): string {
  const secret = givenSecrets(asks, request);
  const plain = Object.entries(request.parameters ?? {}).filter(([key]) => !secret.includes(key));
  return write({
    verb: ["action", "run"],
    words: [name],
    flags: [
      ...plain.map(([key, value]): Flag => ["--param", `${key}=${String(value)}`]),
      ...(request.draft ? [["--draft"] as Flag] : []),
      ...(request.not_before ? [["--not-before", request.not_before] as Flag] : []),
      ...secretFlags(secret),
    ],
  });
}

export function runCurl(origin: string, id: number, asks: Parameter[], request: ActionRun): string {
  return curlCommand({
    origin,
    path: `/api/v1/actions/${id}/run`,
    body: request,
    secrets: givenSecrets(asks, request).map((name) => ["parameters", name]),
  });
}

function givenSecrets(asks: Parameter[], { parameters = {} }: ActionRun): string[] {
  const names = asks.filter(({ type }) => type === "secret").map(({ name }) => name);
  return names.filter((name) => name in parameters);
}
