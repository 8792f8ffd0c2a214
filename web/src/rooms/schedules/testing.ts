/** A schedule for tests. */
import type { Schedule } from "~/api/types";

export function schedule(part: Partial<Schedule>): Schedule {
  return {
    id: 3,
    name: "nightly",
    description: "",
    definition: {
      cron: "30 2 * * *",
      zone: "Europe/Brussels",
      missed: "skip",
      overlap: "skip",
      work: { kind: "job", job: { type: "command", payload: { argv: ["uptime"] } } },
      targets: { selector: "env=dev" },
    },
    cron_text: "At 02:30.",
    paused: false,
    runs: 0,
    secrets: [],
    owner: "anna",
    created_at: "2026-11-01T00:00:00Z",
    created_by: "user:1 (anna)",
    updated_at: "2026-11-01T00:00:00Z",
    updated_by: "user:1 (anna)",
    ...part,
  };
}
