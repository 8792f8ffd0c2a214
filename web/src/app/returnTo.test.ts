import { expect, it } from "vitest";
import { safeReturn } from "./returnTo";

it.each([
  ["/jobs/42?view=stdout", "/jobs/42?view=stdout"],
  [undefined, "/agents"],
  ["", "/agents"],
  ["https://evil.example", "/agents"],
  ["//evil.example", "/agents"],
  ["/\\evil.example", "/agents"],
  ["/\t/evil.example", "/agents"],
  ["javascript:alert(1)", "/agents"],
  ["/sign-in?return=/sign-in", "/agents"],
])("%j leads to %s", (target, expected) => {
  expect(safeReturn(target)).toBe(expected);
});
