import { visible } from "./console/ansi";

/** Control characters, and those that turn or hide text (bidi, zero width, tags). */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** What somebody else wrote, so that nothing in it is hidden or looks like something else. */
export function plainText(text: string): string {
  return text.replaceAll(HIDDEN, (character) =>
    character === "\n" || character === "\t" ? character : visible(character),
  );
}
