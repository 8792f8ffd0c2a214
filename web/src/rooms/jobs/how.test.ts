import { describe, expect, it } from "vitest";
import { amountText, emptyHow, missingHow, parseAmount, toHow } from "./how";

describe("how a run goes", () => {
  it("nothing given is nothing sent: the server has the defaults", () => {
    expect(toHow(emptyHow())).toEqual({});
  });

  it("batches, pause and threshold", () => {
    const draft = { ...emptyHow(), rolling: true, batch: "20%", pause: "5", stopAfter: "2" };
    expect(toHow(draft)).toEqual({
      rolling: { batch: { percent: 20 }, pause_seconds: 5, stop_after: { hosts: 2 } },
    });
    expect(toHow({ ...draft, rolling: false })).toEqual({});
  });

  it("a key carries where it holds", () => {
    const draft = { ...emptyHow(), concurrencyKey: "backup", concurrencyPer: "group" as const };
    expect(toHow(draft)).toEqual({ concurrency: { key: "backup", per: "group" } });
  });

  it.each([
    ["5", { hosts: 5 }],
    [" 20 % ", { percent: 20 }],
    ["five", undefined],
    ["-1", undefined],
    ["", undefined],
  ])("amount %j", (text, amount) => {
    expect(parseAmount(text)).toEqual(amount);
    if (amount) {
      expect(parseAmount(amountText(amount))).toEqual(amount);
    }
  });

  it("what cannot be is said in words", () => {
    expect(missingHow({ ...emptyHow(), rolling: true })).toContain("size of a batch");
    expect(missingHow({ ...emptyHow(), rolling: true, batch: "1", stopAfter: "some" })).toContain(
      "Stop after",
    );
    expect(missingHow({ ...emptyHow(), timeout: "1.5" })).toContain("timeout");
    expect(missingHow(emptyHow())).toBeUndefined();
  });
});
