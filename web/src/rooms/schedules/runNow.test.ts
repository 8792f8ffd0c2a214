import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { runNowCommand, runNowCurl } from "./runNow";

describe("a run now", () => {
  it("is a command by the name of the schedule", () => {
    expect(runNowCommand({ name: "it's nightly" })).toBe(`postern schedule run 'it'\\''s nightly'`);
  });

  it("is a request that sends nothing but who asks", () => {
    const script = `curl() { printf '%s|' "$@"; }\nPOSTERN_TOKEN=pst_x\n${runNowCurl("https://p.example", { id: 7 })}`;
    expect(execFileSync("sh", ["-c", script], { encoding: "utf8" })).toBe(
      "--fail-with-body|-X|POST|https://p.example/api/v1/schedules/7/run|-H|Authorization: Bearer pst_x|",
    );
  });
});
