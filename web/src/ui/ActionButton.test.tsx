import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { renderUi } from "~/test/render";
import { ActionButton } from "./ActionButton";

describe("a button that cannot be used", () => {
  it("does nothing, can be reached, and says why", async () => {
    const onClick = vi.fn();
    renderUi(<ActionButton label="Delete" reason="It is running" onClick={onClick} />);
    const button = screen.getByRole("button", { name: "Delete" });
    expect(button).toHaveAttribute("aria-disabled", "true");
    await userEvent.tab();
    expect(button).toHaveFocus();
    expect(await screen.findByRole("tooltip")).toHaveTextContent("It is running");
    await userEvent.click(button);
    expect(onClick).not.toHaveBeenCalled();
  });

  it("without a reason it works", async () => {
    const onClick = vi.fn();
    renderUi(<ActionButton label="Delete" onClick={onClick} />);
    await userEvent.click(screen.getByRole("button", { name: "Delete" }));
    expect(onClick).toHaveBeenCalledOnce();
  });
});
