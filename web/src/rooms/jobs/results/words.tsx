/** Values of results as people read them. */
import type { ReactNode } from "react";

export function or(value: string | number | null | undefined): ReactNode {
  return value === null || value === undefined || value === "" ? <span className="dim">–</span> : value;
}

export function yesNo(value: boolean | null | undefined): ReactNode {
  return value === null || value === undefined ? <span className="dim">–</span> : value ? "Yes" : "No";
}

/** Microseconds: `420 µs`, `12.3 ms`, `1.20 s`. */
export function micros(time: number | null | undefined): ReactNode {
  if (time === null || time === undefined) {
    return <span className="dim">–</span>;
  }
  if (time < 1_000) {
    return `${time} µs`;
  }
  return time < 1_000_000 ? `${(time / 1_000).toFixed(1)} ms` : `${(time / 1_000_000).toFixed(2)} s`;
}
