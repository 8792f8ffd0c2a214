/** The output of one attempt as it is in the browser, fed by events or by one answer. */
import type { JobOutput, Segment, StreamName } from "~/api/types";
import { Lines } from "~/ui/console/lines";
import type { OutputFacts } from "./api";

export class AttemptOutput {
  readonly stdout = new Lines();
  readonly stderr = new Lines();
  private order = 0;

  get version(): number {
    return this.stdout.version + this.stderr.version;
  }

  add(stream: StreamName, segment: Segment): void {
    this.order += 1;
    this[stream].add({ ...segment, order: this.order });
  }

  /** What the server keeps, beside what came already. When nothing more will come, what is missing at the end shows. */
  fill(stored: JobOutput): void {
    for (const stream of ["stdout", "stderr"] as const) {
      for (const segment of stored[stream].segments) {
        this.add(stream, segment);
      }
      if (stored.complete) {
        this[stream].finish(stored[stream].total_bytes);
      }
    }
  }

  /** Whether the server has more than came, or may have: a late result tells of output that came with it. */
  lacks(facts: OutputFacts): boolean {
    return (
      Boolean(facts.late) || this.stdout.bytes < facts.stdout_bytes || this.stderr.bytes < facts.stderr_bytes
    );
  }

  static from(stored: JobOutput): AttemptOutput {
    const result = new AttemptOutput();
    result.fill(stored);
    return result;
  }
}
