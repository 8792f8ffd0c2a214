import { describe, expect, it } from "vitest";
import { Lines } from "./lines";
import { layOut, MAX_ROWS, slice } from "./rows";

function lines(...pieces: [order: number, text: string][]): Lines {
  const result = new Lines();
  let offset = 0;
  for (const [order, text] of pieces) {
    result.add({ offset, bytes: text.length, text, order });
    offset += text.length;
  }
  return result;
}

const all = (sources: Lines[], columns: number) => {
  const rows = layOut(sources, columns);
  return Array.from({ length: rows.count }, (_, index) => {
    const { source, line, part } = rows.row(index);
    return `${source}:${line}.${part}`;
  });
};

describe("rows", () => {
  it("long lines are broken at the width, empty lines keep a row", () => {
    expect(all([lines([1, "abcdefghij\n\nabc\n"])], 4)).toEqual([
      "0:0.0",
      "0:0.1",
      "0:0.2",
      "0:1.0",
      "0:2.0",
    ]);
  });

  it("streams are merged by when their lines began", () => {
    const out = lines([1, "a\n"], [3, "c\n"]);
    const err = lines([2, "b\n"], [4, "d\n"]);
    expect(all([out, err], 80)).toEqual(["0:0.0", "1:0.0", "0:1.0", "1:1.0"]);
  });

  it("a line of half a MiB is many rows and every one is found", () => {
    const rows = layOut([lines([1, `${"x".repeat(512 * 1024)}\nend\n`])], 100);
    expect(rows.count).toBe(Math.ceil((512 * 1024) / 100) + 1);
    expect(rows.row(5_000)).toEqual({ source: 0, line: 0, part: 5_000 });
    expect(rows.row(rows.count - 1)).toEqual({ source: 0, line: 1, part: 0 });
  });

  it("more rows than a browser can lay out lose their start", () => {
    const rows = layOut([lines([1, "\n".repeat(MAX_ROWS + 10)])], 80);
    expect([rows.count, rows.clipped, rows.row(0).line]).toEqual([MAX_ROWS, true, 10]);
  });

  it("nothing is nothing", () => {
    expect(layOut([new Lines(), new Lines()], 80).count).toBe(0);
  });
});

describe("slice", () => {
  it("does not tear a character of two units apart", () => {
    const text = "a👍b";
    expect([slice(text, 0, 2), slice(text, 2, 4)]).toEqual(["a👍", "b"]);
  });
});
