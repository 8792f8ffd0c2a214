import { expect, it } from "vitest";
import { plainText } from "./plainText";

it.each([
  ["two\nlines\tand a tab", "two\nlines\tand a tab"],
  ["rm \u202egpj.txt", "rm <U+202E>gpj.txt"],
  ["a\u200bb\u0007", "a<U+200B>b^G"],
  ["<b>bold</b> Grüße", "<b>bold</b> Grüße"],
])("%j is shown as %j", (text, shown) => {
  expect(plainText(text)).toBe(shown);
});
