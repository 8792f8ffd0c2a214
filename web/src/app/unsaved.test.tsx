import { Autocomplete, MantineProvider, MultiSelect, Select, TagsInput } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ReactNode } from "react";
import { beforeEach, describe, expect, it } from "vitest";
import { dropEdits, somethingUnsaved, watchForms } from "./unsaved";

watchForms();
beforeEach(dropEdits);

const hosts = {
  label: "Hosts",
  data: ["web-1", "web-2"],
  comboboxProps: { transitionProps: { duration: 0 } },
};

const COMBOBOXES: [string, ReactNode][] = [
  ["Select", <Select key="select" {...hosts} />],
  ["MultiSelect", <MultiSelect key="multi" {...hosts} />],
  ["TagsInput", <TagsInput key="tags" {...hosts} />],
  ["Autocomplete", <Autocomplete key="auto" {...hosts} />],
];

/** As on a page: lists lie outside of what they are for. */
function open(children: ReactNode) {
  render(
    <MantineProvider withCssVariables={false} withGlobalClasses={false}>
      {children}
    </MantineProvider>,
  );
  return userEvent.setup();
}

const box = () => screen.getByLabelText("Hosts", { selector: "input" });
const option = (name: string) => screen.getByText(name, { selector: "[role=option] span" });
const isOpen = () => expect(box()).toHaveAttribute("aria-expanded", "true");
const isClosed = () => expect(box()).toHaveAttribute("aria-expanded", "false");

describe.each(COMBOBOXES)("a %s of a form", (_, field) => {
  it("is used by whoever chooses with keys", async () => {
    const user = open(<form>{field}</form>);
    await user.tab();
    await user.keyboard("{ArrowDown}");
    isOpen();
    expect(somethingUnsaved()).toBe(false);
    await user.keyboard("{Enter}");
    expect(somethingUnsaved()).toBe(true);
  });

  it("is used by whoever chooses with the mouse", async () => {
    const user = open(<form>{field}</form>);
    await user.click(box());
    isOpen();
    expect(somethingUnsaved()).toBe(false);
    await user.click(option("web-2"));
    expect(somethingUnsaved()).toBe(true);
  });

  it("is not used by whoever only looks at its list", async () => {
    const user = open(<form>{field}</form>);
    await user.click(screen.getByText("Hosts", { selector: "label" }));
    await user.keyboard("{ArrowDown}{ArrowDown}");
    isOpen();
    await user.keyboard("{Escape}");
    isClosed();
    expect(somethingUnsaved()).toBe(false);
  });
});

describe("a combobox", () => {
  it("of a dialog is used as one of a form", async () => {
    const user = open(
      <div role="dialog">
        <Select {...hosts} />
      </div>,
    );
    await user.tab();
    await user.keyboard("{ArrowDown}{Enter}");
    expect(somethingUnsaved()).toBe(true);
  });

  it("that filters a page is no work", async () => {
    const user = open(<Select {...hosts} />);
    await user.tab();
    await user.keyboard("{ArrowDown}{Enter}");
    expect(box()).toHaveValue("web-1");
    expect(somethingUnsaved()).toBe(false);
  });

  it("is not used by a choice that cannot be made", async () => {
    const user = open(
      <form>
        <Select {...hosts} data={[{ value: "web-1", label: "web-1", disabled: true }]} />
      </form>,
    );
    await user.click(box());
    await user.click(option("web-1"));
    expect(somethingUnsaved()).toBe(false);
  });

  it("is used by whoever takes a choice away", async () => {
    const user = open(
      <form>
        <MultiSelect {...hosts} defaultValue={["web-1"]} />
      </form>,
    );
    await user.tab();
    await user.keyboard("{Backspace}");
    expect(screen.queryByText("web-1", { selector: ".mantine-Pill-label" })).not.toBeInTheDocument();
    expect(somethingUnsaved()).toBe(true);
  });

  it("is used by whoever pastes into it", async () => {
    const user = open(
      <form>
        <TagsInput label="Hosts" />
      </form>,
    );
    await user.tab();
    await user.paste("web-1,web-2");
    expect(screen.getByText("web-2")).toBeInTheDocument();
    expect(somethingUnsaved()).toBe(true);
  });
});

it("a form is used by whoever presses one of its buttons", async () => {
  const user = open(
    <form>
      <button type="button">Add a row</button>
    </form>,
  );
  await user.click(screen.getByRole("button"));
  expect(somethingUnsaved()).toBe(true);
});
