import { expect, it } from "vitest";
import { stepCount } from "./count";

it("steps of branches count, and a text that cannot be read has no number", () => {
  expect(stepCount("steps:\n  - {id: a, type: delay}\n")).toBe(1);
  expect(
    stepCount(
      "steps:\n  - {id: a, type: parallel, branches: [[{id: b, type: delay}], [{id: c, type: delay}]]}\n",
    ),
  ).toBe(3);
  expect(stepCount("steps: [")).toBeUndefined();
});
