import { describe, expect, it } from "vitest";
import { AttemptOutput } from "./output";

describe("output of an attempt", () => {
  it("is the same from events and from one answer", () => {
    const live = new AttemptOutput();
    live.add("stdout", { offset: 0, bytes: 4, text: "one\n" });
    live.add("stderr", { offset: 0, bytes: 4, text: "bad\n" });
    live.add("stdout", { offset: 4, bytes: 4, text: "two\n" });
    const stored = AttemptOutput.from({
      attempt: 1,
      stdout: { segments: [{ offset: 0, bytes: 8, text: "one\ntwo\n" }], total_bytes: 8, cut_bytes: 0 },
      stderr: { segments: [{ offset: 0, bytes: 4, text: "bad\n" }], total_bytes: 4, cut_bytes: 0 },
      complete: true,
    });
    expect(stored.stdout.text()).toBe(live.stdout.text());
    expect(stored.stderr.text()).toBe("bad");
  });

  it("names what was cut in the middle and at the end", () => {
    const stored = AttemptOutput.from({
      attempt: 1,
      stdout: {
        segments: [
          { offset: 0, bytes: 5, text: "head\n" },
          { offset: 1_005, bytes: 5, text: "tail\n" },
        ],
        total_bytes: 1_015,
        cut_bytes: 1_005,
      },
      stderr: { segments: [], total_bytes: 9, cut_bytes: 9 },
      complete: true,
    });
    expect(stored.stdout.text()).toBe("head\n… 1,000 bytes not kept …\ntail\n… 5 bytes not kept …");
    expect(stored.stderr.text()).toBe("… 9 bytes not kept …");
  });
});
