/** What is wrong or doubtful about the text of a workflow. */
import type { FieldProblem } from "~/api/types";
import type { CodeProblem } from "~/ui/code/CodeEditor";
import { count } from "~/ui/format";

export interface Found extends CodeProblem {
  severity: "error" | "warning";
  /** JSON Pointer into the definition; empty for the whole of it. */
  pointer: string;
}

export interface Checked {
  /** The text that was looked at. */
  source: string;
  problems: Found[];
  /** What can have a value when a step begins, by its id. */
  variables: Variables;
}

/** Paths for placeholders and conditions, by the id of the step. */
export type Variables = Readonly<Record<string, readonly string[]>>;

/** The reader of YAML names the place in its words. */
const PLACE = /line:? (\d+),? (?:column|col):? (\d+)/;

/** A text that is no YAML is wrong as a whole. */
export function unreadable(source: string, fields: FieldProblem[]): Checked {
  return {
    source,
    variables: {},
    problems: fields.map(({ message }) => {
      const place = PLACE.exec(message);
      return {
        severity: "error",
        pointer: "",
        message,
        line: Number(place?.[1] ?? 1),
        column: Number(place?.[2] ?? 1),
      };
    }),
  };
}

export const isError = ({ severity }: Pick<Found, "severity">): boolean => severity === "error";

/** What was found in a text by itself, and what was found when the same text was saved or published. */
export function withDoubts(checked: Checked | undefined, doubts: Checked | undefined): Checked | undefined {
  if (!checked || !doubts || checked.source !== doubts.source) {
    return checked;
  }
  const more = doubts.problems.filter(
    (doubt) =>
      !checked.problems.some(
        ({ pointer, message }) => pointer === doubt.pointer && message === doubt.message,
      ),
  );
  return { ...checked, problems: [...checked.problems, ...more].sort((one, other) => one.line - other.line) };
}

/** A refusal names the step too, for those who see no page: here it stands at its step. */
export const withoutStep = (message: string): string => message.replace(/^step "[^"]*": /, "");

/** `draft.steps[2].hosts`, as a request names it, as a pointer into the definition. */
export const pointerOf = (field: string): string =>
  field
    .split(/[.[\]]+/)
    .filter(Boolean)
    .slice(1)
    .map((segment) => `/${segment}`)
    .join("");

/** `2 errors, 1 warning`. */
export function foundWords(problems: Found[]): string {
  const errors = problems.filter(isError).length;
  const warnings = problems.length - errors;
  return [errors > 0 ? count(errors, "error") : "", warnings > 0 ? count(warnings, "warning") : ""]
    .filter(Boolean)
    .join(", ");
}
