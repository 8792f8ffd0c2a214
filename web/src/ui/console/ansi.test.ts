import { describe, expect, it } from "vitest";
import { applySgr, isPlain, PLAIN, parseLine } from "./ansi";

const text = (raw: string) =>
  parseLine(raw, PLAIN)
    .spans.map((span) => span.text)
    .join("");

describe("colours", () => {
  it("plain text is one plain span", () => {
    expect(parseLine("hello", PLAIN)).toEqual({
      spans: [{ text: "hello", style: {} }],
      end: PLAIN,
      length: 5,
    });
  });

  it.each([
    ["31", { fg: 1 }],
    ["97", { fg: 15 }],
    ["44", { bg: 4 }],
    ["103", { bg: 11 }],
    ["1;4;32", { bold: true, underline: true, fg: 2 }],
    ["38;5;9", { fg: 9 }],
    ["38;5;208", { fg: "#ff8700" }],
    ["48;5;232", { bg: "#080808" }],
    ["38;2;1;2;255", { fg: "#0102ff" }],
    ["38:2:1:2:255", { fg: "#0102ff" }],
    ["38;5;999", {}],
    ["38;2;1;2", {}],
    ["38", {}],
    ["8", {}],
    ["5", {}],
    ["1234", {}],
  ])("%s", (codes, style) => {
    expect(applySgr(PLAIN, codes)).toEqual(style);
  });

  it("codes after an extended colour still count", () => {
    expect(applySgr(PLAIN, "38;5;208;1")).toEqual({ fg: "#ff8700", bold: true });
  });

  it("an empty sequence and 0 reset everything, single resets their own", () => {
    const style = applySgr(PLAIN, "1;3;31;41");
    expect(applySgr(style, "")).toEqual({});
    expect(applySgr(style, "0")).toEqual({});
    expect(applySgr(style, "22;39")).toEqual({ italic: true, bg: 1 });
  });

  it("the style goes on to the next line", () => {
    const { end } = parseLine("\x1b[31mred", PLAIN);
    expect(parseLine("still", end).spans).toEqual([{ text: "still", style: { fg: 1 } }]);
  });
});

describe("everything else is visible and does nothing", () => {
  it.each([
    ["\x1b[2Jgone", "^[[2Jgone"],
    ["\x1b]0;title\x07", "^[]0;title^G"],
    ["\x1b]8;;http://evil\x1b\\link", "^[]8;;http://evil^[\\link"],
    ["\x1b[1;31", "^[[1;31"],
    ["\x1b", "^["],
    ["a\0b", "a^@b"],
    ["a\bb", "a^Hb"],
    ["\x7f", "^?"],
    ["\x9b31m", "<U+009B>31m"],
    ["\u202Egnp.exe", "<U+202E>gnp.exe"],
    ["zero\u200Bwidth", "zero<U+200B>width"],
    ["<script>alert(1)</script>", "<script>alert(1)</script>"],
    ["Grüße 👩‍💻".replace("\u200d", ""), "Grüße 👩💻"],
  ])("%j", (raw, shown) => {
    expect(text(raw)).toBe(shown);
  });

  it("a replaced character is marked as not being text of the output", () => {
    expect(parseLine("^G\x07", PLAIN).spans).toEqual([
      { text: "^G", style: {} },
      { text: "^G", style: { control: true } },
    ]);
  });

  it("tabs go to the next eighth column, colours do not count", () => {
    expect(text("a\tb")).toBe("a       b");
    expect(text("\x1b[31m1234567\t8")).toBe("1234567 8");
    expect(text("12345678\t9")).toBe("12345678        9");
  });

  it("a sequence with too many codes is no colour", () => {
    const raw = `\x1b[${"1;".repeat(40)}m`;
    expect(text(raw).startsWith("^[[")).toBe(true);
  });

  it("isPlain tells whether parsing can be left out", () => {
    expect(isPlain("Grüße 👍")).toBe(true);
    expect(isPlain("a\tb")).toBe(false);
    expect(isPlain("\x1b[m")).toBe(false);
  });
});
