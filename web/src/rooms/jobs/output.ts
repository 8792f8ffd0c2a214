/** The output of one attempt as it is in the browser, fed by events or by one answer. */
import type { JobOutput, Segment, StreamName } from "~/api/types";
import { Lines } from "~/ui/console/lines";

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

  /** The sizes that the agent reported at the end: what is missing behind the last piece shows. */
  finish(stdoutBytes: number, stderrBytes: number): void {
    this.stdout.finish(stdoutBytes);
    this.stderr.finish(stderrBytes);
  }

  static from(output: JobOutput): AttemptOutput {
    const result = new AttemptOutput();
    for (const stream of ["stdout", "stderr"] as const) {
      for (const segment of output[stream].segments) {
        result.add(stream, segment);
      }
    }
    if (output.complete) {
      result.finish(output.stdout.total_bytes, output.stderr.total_bytes);
    }
    return result;
  }
}
