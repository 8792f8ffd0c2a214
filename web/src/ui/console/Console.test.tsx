import { render } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { Console } from "./Console";
import { Lines } from "./lines";

const HEIGHT = 400;
const ROW = 18;

function setUp() {
  const lines = new Lines();
  const onFollow = vi.fn();
  const sources = [{ name: "stdout", lines }];
  let offset = 0;
  const add = (count: number) => {
    const text = "line\n".repeat(count);
    lines.add({ offset, bytes: text.length, text, order: offset });
    offset += text.length;
  };
  let version = 0;
  const ui = (follow: boolean) => (
    <Console
      label="Output"
      sources={sources}
      version={version}
      follow={follow}
      onFollow={onFollow}
      empty="none"
    />
  );
  const view = render(ui(false));
  const element = view.getByRole("region", { name: "Output" });
  // jsdom lays nothing out: the heights are those a browser would have, and it does not let scroll beyond the end.
  let top = 0;
  const height = () => Math.max(HEIGHT, lines.length * ROW);
  Object.defineProperties(element, {
    clientHeight: { get: () => HEIGHT },
    scrollHeight: { get: height },
    scrollTop: {
      get: () => Math.min(top, height() - HEIGHT),
      set: (wanted: number) => {
        top = Math.max(0, Math.min(wanted, height() - HEIGHT));
      },
    },
  });
  const draw = (follow: boolean) => {
    version += 1;
    view.rerender(ui(follow));
  };
  return { element, add, draw, onFollow, end: () => height() - HEIGHT };
}

describe("a console that follows", () => {
  it("stays at the end as lines come", () => {
    const { element, add, draw, onFollow, end } = setUp();
    add(100);
    draw(true);
    expect(element.scrollTop).toBe(end());
    add(100);
    draw(true);
    expect(element.scrollTop).toBe(end());
    expect(onFollow).not.toHaveBeenCalled();
  });

  it("lets go when lines are drawn between a scroll up and its event", () => {
    const { element, add, draw, onFollow } = setUp();
    add(100);
    draw(true);
    element.scrollTop = 0;
    add(1);
    draw(true);
    expect(element.scrollTop).toBe(0);
    expect(onFollow).toHaveBeenCalledExactlyOnceWith(false);
  });

  it("goes to the end when following is switched on again", () => {
    const { element, add, draw, onFollow, end } = setUp();
    add(100);
    draw(true);
    element.scrollTop = 0;
    draw(false);
    expect(element.scrollTop).toBe(0);
    draw(true);
    expect(element.scrollTop).toBe(end());
    expect(onFollow).not.toHaveBeenCalled();
  });
});
