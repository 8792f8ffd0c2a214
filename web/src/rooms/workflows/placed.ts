/** The server's problems with a definition, each at its place in the text that the definition was read from. */
import type { WorkflowProblem } from "~/api/types";
import { yamlPlaces } from "~/ui/code/yamlPlaces";
import { type Checked, type Found, isError, type Variables } from "./problems";

/** In the order of the text, errors first where several stand on one line. */
export function placed(
  source: string,
  problems: readonly WorkflowProblem[],
  variables: Variables = {},
): Checked {
  const find = yamlPlaces(source, { nestedIn: "config" });
  const found = problems.map(
    ({ severity, pointer, message, span }): Found => ({
      severity,
      pointer,
      message,
      ...find(pointer, span?.start),
    }),
  );
  return {
    source,
    variables,
    problems: found.sort(
      (one, other) => one.line - other.line || Number(isError(other)) - Number(isError(one)),
    ),
  };
}
