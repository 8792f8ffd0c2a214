import { describe, expect, it } from "vitest";
import { begun, changed, redone, undone } from "./history";

describe("the history of a text", () => {
  it("goes back and forth", () => {
    const three = changed(changed(begun("a"), "b", 0), "c", 0);
    const back = undone(undone(three));
    expect(back.text).toBe("a");
    expect(redone(redone(back)).text).toBe("c");
    expect(undone(back).text).toBe("a");
    expect(redone(three).text).toBe("c");
  });

  it("forgets what was taken back when something else is done", () => {
    const other = changed(undone(changed(begun("a"), "b", 0)), "c", 0);
    expect(other.future).toEqual([]);
    expect(undone(other).text).toBe("a");
  });

  it("takes back at once what was typed in one go", () => {
    const typed = changed(
      changed(changed(begun(""), "a", 0, "title"), "ab", 900, "title"),
      "abc",
      1_800,
      "title",
    );
    expect(undone(typed).text).toBe("");
    const paused = changed(typed, "abcd", 9_000, "title");
    expect(undone(paused).text).toBe("abc");
    expect(undone(changed(typed, "x", 1_900, "other")).text).toBe("abc");
  });

  it("keeps typing apart that was interrupted by going back", () => {
    const back = undone(changed(changed(begun("a"), "b", 0, "t"), "c", 5_000, "t"));
    expect(undone(changed(back, "d", 5_001, "t")).text).toBe("b");
  });

  it("does not count what changes nothing", () => {
    expect(changed(begun("a"), "a", 0).past).toEqual([]);
  });

  it("has an end", () => {
    let history = begun("0");
    for (let index = 1; index < 500; index += 1) {
      history = changed(history, String(index), 0);
    }
    expect(history.past).toHaveLength(200);
    const large = "x".repeat(3_000_000);
    let big = begun(large);
    for (let index = 0; index < 5; index += 1) {
      big = changed(big, `${large}${index}`, 0);
    }
    expect(big.past).toHaveLength(2);
  });
});
