import { describe, expect, it } from "vitest";
import { csvCell, toCsv } from "./csv";

describe("csv", () => {
  it.each([
    ["plain", "plain"],
    ["", ""],
    ["a,b", '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ["two\nlines", '"two\nlines"'],
    ["=1+1", "'=1+1"],
    ["+49 30", "'+49 30"],
    ["-rf", "'-rf"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["\tx", "'\tx"],
    ["\rx", '"\'\rx"'],
    ['=HYPERLINK("http://evil","x")', '"\'=HYPERLINK(""http://evil"",""x"")"'],
  ])("%j becomes %j", (text, cell) => {
    expect(csvCell(text)).toBe(cell);
  });

  it("has a head and ends every line", () => {
    const columns = [
      { label: "Name", text: (row: { name: string; os: string }) => row.name },
      { label: "OS, arch", text: (row: { name: string; os: string }) => row.os },
    ];
    expect(toCsv(columns, [{ name: "web-1", os: "Debian" }])).toBe('Name,"OS, arch"\r\nweb-1,Debian\r\n');
  });
});
