/** The command line that runs a saved script. Secrets are named in it and asked for when it runs. */
import type { Parameter, ScriptRun } from "~/api/types";
import { write } from "~/rooms/jobs/copy/cli";
import { type Flag, runFlags, secretFlags } from "~/rooms/jobs/copy/options";

export function scriptCommand(name: string, parameters: Parameter[], request: ScriptRun): string {
  const secret = new Set(
    parameters.filter(({ type }) => type === "secret").map((parameter) => parameter.name),
  );
  const given = Object.entries(request.parameters ?? {});
  return write({
    verb: ["script", "run"],
    words: [name],
    flags: [
      ...(request.version ? [["--version", String(request.version)] as Flag] : []),
      ...given
        .filter(([key]) => !secret.has(key))
        .map(([key, value]): Flag => ["--param", `${key}=${String(value)}`]),
      ...runFlags(request),
      ...secretFlags(given.map(([key]) => key).filter((key) => secret.has(key))),
    ],
  });
}
