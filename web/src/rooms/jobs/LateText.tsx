import type { Attempt } from "~/api/types";
import { dateTime, duration } from "~/ui/format";
import { JOB_STATE } from "./words";

type Late = NonNullable<Attempt["late"]>;

/** What the agent told of an attempt after the server had ended it. */
export function LateText({ late }: { late: Late }) {
  return (
    <>
      A result came after the end ({dateTime(late.received_at)}): {lateWords(late)}. It does not change the
      state.
    </>
  );
}

function lateWords({ state, exit_code: code, duration_ms: time, reason }: Late): string {
  const after = given(time) ? ` after ${duration(time)}` : "";
  return [
    `${JOB_STATE[state].label.toLowerCase()}${after}`,
    ...(given(code) ? [`exit code ${code}`] : []),
    ...(reason ? [reason] : []),
  ].join(", ");
}

const given = (number: number | null | undefined): number is number =>
  number !== null && number !== undefined;
