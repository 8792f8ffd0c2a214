import { expect, it } from "vitest";
import { endedAs, shown } from "./lineEnds";

it.each(["", "a\nb\n", "a\r\nb\r\n"])("%j is the same after it was shown", (text) => {
  expect(endedAs(text, shown(text))).toBe(text);
});

it("a line that is added ends like the others", () => {
  expect(endedAs("a\r\n", "a\nb\n")).toBe("a\r\nb\r\n");
  expect(endedAs("a\n", "a\nb\n")).toBe("a\nb\n");
});

it("ends of all kinds are shown as one", () => {
  expect(shown("a\r\nb\rc\n")).toBe("a\nb\nc\n");
});
