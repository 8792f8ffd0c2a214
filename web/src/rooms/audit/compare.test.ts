import { expect, it } from "vitest";
import { compare } from "./compare";

it("changed fields come first, then the others", () => {
  expect(
    compare({ active: true, name: "a", labels: { x: "1" } }, { active: false, name: "a", slots: 4 }),
  ).toEqual([
    { field: "active", before: "true", after: "false", changed: true },
    { field: "labels", before: '{\n "x": "1"\n}', after: undefined, changed: true },
    { field: "slots", before: undefined, after: "4", changed: true },
    { field: "name", before: "a", after: "a", changed: false },
  ]);
});

it("nothing, and values that are no objects, are shown as they are", () => {
  expect(compare(null, undefined)).toEqual([]);
  expect(compare(undefined, "text")).toEqual([
    { field: "value", before: undefined, after: "text", changed: true },
  ]);
});
