import type { Attempt } from "~/api/types";

export const AT = "2026-11-22T09:30:00Z";

/** One that the server gave up, after four bytes of output. */
export const ATTEMPT: Attempt = {
  id: 70,
  number: 1,
  state: "unknown",
  handed_at: AT,
  finished_at: AT,
  stdout_bytes: 4,
  stderr_bytes: 0,
};
