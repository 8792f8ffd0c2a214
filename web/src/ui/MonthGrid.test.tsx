import { fireEvent, screen } from "@testing-library/react";
import { useState } from "react";
import { describe, expect, it } from "vitest";
import { renderUi } from "~/test/render";
import { MonthGrid } from "./MonthGrid";
import { monthOf } from "./month";

function Held() {
  const [month, setMonth] = useState("2027-01");
  const [day, setDay] = useState<string>();
  return (
    <MonthGrid
      label="Ticks"
      month={month}
      day={day}
      today="2027-01-31"
      marksOf={(one) => (one === "2027-01-31" ? { words: "3 ran", marks: "3" } : undefined)}
      onMonth={setMonth}
      onDay={(next) => {
        setDay(next);
        setMonth(monthOf(next));
      }}
    />
  );
}

// Not by role: the roles of a whole month take jsdom seconds.
const stops = () => [...document.querySelectorAll<HTMLElement>("[data-day][tabindex='0']")];
const focused = () => document.activeElement?.getAttribute("data-day");
const month = () => document.querySelector("[role=grid]")?.getAttribute("aria-label");
const press = (key: string) => document.activeElement && fireEvent.keyDown(document.activeElement, { key });

describe("a month", () => {
  it("is one stop for Tab, and walked by keys", () => {
    renderUi(<Held />);
    expect(stops()).toHaveLength(1);
    expect(stops()[0]).toHaveTextContent("Sunday, 31 January 2027: 3 ran");
    stops()[0]?.focus();
    press("PageDown");
    expect([focused(), month()]).toEqual(["2027-02-28", "Ticks, February 2027"]);
    press("ArrowRight");
    expect([focused(), month()]).toEqual(["2027-03-01", "Ticks, March 2027"]);
    press("End");
    press("ArrowUp");
    expect(focused()).toBe("2027-02-28");
    press("Home");
    expect(focused()).toBe("2027-02-22");
    expect(stops()).toHaveLength(1);
  });

  it("goes to the months beside, and back to today", () => {
    renderUi(<Held />);
    fireEvent.click(screen.getByLabelText("Previous month"));
    expect(month()).toBe("Ticks, December 2026");
    fireEvent.click(screen.getByText("Today"));
    expect(month()).toBe("Ticks, January 2027");
    expect(document.querySelector("[aria-selected=true]")).toHaveTextContent("31 January 2027");
  });
});
