import { screen } from "@testing-library/react";
import { expect, it } from "vitest";
import { renderUi } from "~/test/render";
import { ValueView } from "./ValueView";

it("shows fields, lists and long texts", () => {
  renderUi(<ValueView value={{ argv: ["rm", "-rf", ""], timeout: 5, code: "one\ntwo", none: [] }} />);
  expect(screen.getAllByRole("listitem").map((item) => item.textContent)).toEqual(["rm", "-rf", "(empty)"]);
  expect(screen.getByText("5")).toBeInTheDocument();
  expect(screen.getByText("one two").tagName).toBe("PRE");
  expect(screen.getByText("(none)")).toBeInTheDocument();
});

it("a text stays a text whatever is in it, and nothing in it is hidden", () => {
  const { container } = renderUi(<ValueView value={{ "<i>": "<img src=x onerror=alert(1)>\u202e" }} />);
  expect(container.querySelector("img, i")).toBeNull();
  expect(container.querySelector("dl")?.textContent).toBe("<i><img src=x onerror=alert(1)><U+202E>");
});
