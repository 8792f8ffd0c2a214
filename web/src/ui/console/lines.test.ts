import { describe, expect, it } from "vitest";
import { Lines } from "./lines";
import { HEAD_BYTES, TAIL_BYTES } from "./segments";

const bytes = (text: string) => new TextEncoder().encode(text).length;
const piece = (offset: number, text: string, order = offset) => ({ offset, bytes: bytes(text), text, order });

function shown(lines: Lines): string[] {
  return lines.text() === "" && lines.length === 0 ? [] : lines.text().split("\n");
}

function feed(...texts: string[]): Lines {
  const lines = new Lines();
  let offset = 0;
  for (const text of texts) {
    lines.add(piece(offset, text));
    offset += bytes(text);
  }
  return lines;
}

describe("lines from pieces", () => {
  it.each([
    [["a\nb\n"], ["a", "b"]],
    [
      ["a", "b\nc"],
      ["ab", "c"],
    ],
    [["\n\n"], ["", ""]],
    [["a\r\nb"], ["a", "b"]],
    [
      ["a\r", "\nb"],
      ["a", "b"],
    ],
    [
      ["10%\r20%\r", "30%\n"],
      ["10%", "20%", "30%"],
    ],
    [[""], []],
  ])("%j", (texts, expected) => {
    expect(shown(feed(...texts))).toEqual(expected);
  });

  it("is the same however the text is cut", () => {
    const text = "one\r\ntwo \x1b[31mred\n\x1b[0m\tthree\n\nlast";
    const whole = feed(text);
    const single = feed(...text.split(""));
    expect(single.text()).toBe(whole.text());
    expect(single.spans(2)).toEqual(whole.spans(2));
    expect(single.width(2)).toBe(whole.width(2));
  });

  it("a colour that begins on one line holds on the next", () => {
    const lines = feed("\x1b[32mgreen\n", "still green\n");
    expect(lines.spans(1)).toEqual([{ text: "still green", style: { fg: 2 } }]);
  });

  it("the width of an unfinished line is never too small", () => {
    const lines = feed("a\t", "b\x1b[3", "1mc");
    const exact = lines.spans(0).reduce((sum, span) => sum + span.text.length, 0);
    expect(lines.width(0)).toBeGreaterThanOrEqual(exact);
  });
});

describe("pieces that come twice, late or cut differently", () => {
  it("a repeated piece changes nothing", () => {
    const lines = feed("one\n", "two\n");
    const { version } = lines;
    lines.add(piece(0, "one\n"));
    lines.add(piece(4, "tw"));
    expect(lines.version).toBe(version);
    expect(shown(lines)).toEqual(["one", "two"]);
  });

  it("after a reconnect everything comes again as one piece and a bit more", () => {
    const lines = feed("one\n", "two\n");
    lines.add(piece(0, "one\ntwo\nthree\n", 9));
    expect(shown(lines)).toEqual(["one", "two", "three"]);
  });

  it("an overlap is cut away, exactly, between characters of several bytes", () => {
    const lines = feed("aé");
    lines.add(piece(1, "éü\n", 5));
    expect(shown(lines)).toEqual(["aéü"]);
    expect(lines.bytes).toBe(6);
  });

  it("a piece that fills a hole closes it", () => {
    const lines = new Lines();
    lines.add(piece(0, "one\n"));
    lines.add(piece(8, "three\n"));
    expect(shown(lines)).toEqual(["one", "… 4 bytes not kept …", "three"]);
    lines.add(piece(4, "two\n"));
    expect(shown(lines)).toEqual(["one", "two", "three"]);
  });

  it("a hole is named with its size and line numbers end there", () => {
    const lines = new Lines();
    lines.add(piece(0, "head\n"));
    lines.add(piece(1_234_572, "tail\n"));
    expect(shown(lines)).toEqual(["head", "… 1,234,567 bytes not kept …", "tail"]);
    expect([lines.number(0), lines.number(2)]).toEqual([1, undefined]);
  });

  it("what is missing behind the last piece shows when the stream has ended", () => {
    const lines = feed("head\n");
    lines.finish(105);
    expect(shown(lines)).toEqual(["head", "… 100 bytes not kept …"]);
    expect(lines.bytes).toBe(105);
  });

  it("endless output keeps its head and its tail", () => {
    const lines = new Lines();
    const chunk = `${"x".repeat(1023)}\n`;
    for (let index = 0; index < 8 * 1024; index += 1) {
      lines.add(piece(index * 1024, chunk, index));
    }
    expect(lines.bytes).toBe(8 * 1024 * 1024);
    expect(lines.hasGaps).toBe(true);
    // One step more than what is kept may be held before the middle is dropped.
    expect(lines.length).toBeLessThanOrEqual((2 * HEAD_BYTES + TAIL_BYTES) / 1024 + 3);
  });
});
