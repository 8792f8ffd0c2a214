/** A start of a workflow: the request, and the same as a command. No secret stands in any command. */
import type { InstanceAgain, InstanceCreate, Parameter, ParameterValue, Targets } from "~/api/types";
import { write } from "~/rooms/jobs/copy/cli";
import { curlCommand } from "~/rooms/jobs/copy/curl";
import { type Flag, secretFlags, targetFlags } from "~/rooms/jobs/copy/options";
import { type ParameterTexts, toValues } from "~/rooms/scripts/parameters";

interface Start {
  inputs: Parameter[];
  texts: ParameterTexts;
  draft: boolean;
  /** In place of the workflow's own. */
  hosts: Targets | undefined;
}

/** Only what was said. Secret inputs go apart from the others. */
export function startRequest({ inputs, texts, draft, hosts }: Start): InstanceCreate {
  const isSecret = (parameter: Parameter) => parameter.type === "secret";
  const plain: Record<string, ParameterValue> = toValues(
    inputs.filter((parameter) => !isSecret(parameter)),
    texts,
  );
  const { secrets } = secretsOf(inputs.filter(isSecret), texts);
  return {
    ...(draft ? { draft } : {}),
    ...(Object.keys(plain).length > 0 ? { inputs: plain } : {}),
    ...(secrets ? { secrets } : {}),
    ...(hosts ? { hosts } : {}),
  };
}

/** Those that were given. */
export function secretsOf(secrets: Parameter[], texts: ParameterTexts): InstanceAgain {
  const given = secrets.flatMap(({ name }) => {
    const text = texts[name] ?? "";
    return text === "" ? [] : [[name, text]];
  });
  return given.length > 0 ? { secrets: Object.fromEntries(given) } : {};
}

export function startCommand(name: string, { draft, inputs, secrets, hosts }: InstanceCreate): string {
  return write({
    verb: ["workflow", "run"],
    words: [name],
    flags: [
      ...Object.entries(inputs ?? {}).map(([key, value]): Flag => ["--input", `${key}=${String(value)}`]),
      ...(hosts ? targetFlags(hosts) : []),
      ...(draft ? [["--draft"] as Flag] : []),
      ...secretFlags(Object.keys(secrets ?? {})),
    ],
  });
}

export function startCurl(origin: string, id: number, request: InstanceCreate): string {
  return curlCommand({
    origin,
    path: `/api/v1/workflows/${id}/instances`,
    body: request,
    secrets: Object.keys(request.secrets ?? {}).map((name) => ["secrets", name]),
  });
}

/** The server names an input after where it stands in the request; the form has one place for each. */
export const inputField = (field: string): string => field.replace(/^(?:inputs|secrets)\./, "parameters.");
