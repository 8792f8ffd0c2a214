/** The server's problems with a definition, each at its place in the text that the definition was read from. */
import { yamlPlaces } from "~/ui/code/yamlPlaces";
import { type Checked, type Found, isError } from "./problems";

/** In the order of the text, errors first where several stand on one line. */
export function placed(source: string, problems: readonly unknown[]): Checked {
  const find = yamlPlaces(source, { nestedIn: "config" });
  const found = problems.map((problem): Found => {
    const pointer = textIn(problem, "pointer");
    return {
      severity: textIn(problem, "severity") === "warning" ? "warning" : "error",
      pointer,
      message: textIn(problem, "message"),
      ...find(pointer, startOf(field(problem, "span"))),
    };
  });
  return {
    source,
    problems: found.sort(
      (one, other) => one.line - other.line || Number(isError(other)) - Number(isError(one)),
    ),
  };
}

/**
 * Read with care: the API's description has one name for these and for refusals (RFC 9457) and describes only the
 * latter, and it cannot say that a span has a start.
 */
function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function textIn(value: unknown, name: string): string {
  const text = field(value, name);
  return typeof text === "string" ? text : "";
}

function startOf(span: unknown): number | undefined {
  const start = field(span, "start");
  return typeof start === "number" ? start : undefined;
}
