import { Notifications } from "@mantine/notifications";
import { fireEvent, screen } from "@testing-library/react";
import { useState } from "react";
import { expect, it, vi } from "vitest";
import { renderUi } from "~/test/render";
import { useSaveKey } from "./useSaveKey";

function Page({ save, reason, dirty = true }: { save: () => void; reason?: string; dirty?: boolean }) {
  useSaveKey({ save, dirty, reason });
  return <Notifications />;
}

it("saves wherever the focus is, and not below a dialog", () => {
  const save = vi.fn();
  renderUi(<Page save={save} />);
  fireEvent.keyDown(document.body, { key: "s" });
  expect(save).not.toHaveBeenCalled();
  expect(fireEvent.keyDown(document.body, { key: "s", ctrlKey: true })).toBe(false);
  expect(save).toHaveBeenCalledOnce();
  const dialog = document.createElement("div");
  dialog.setAttribute("aria-modal", "true");
  document.body.append(dialog);
  fireEvent.keyDown(document.body, { key: "s", metaKey: true });
  expect(save).toHaveBeenCalledOnce();
  dialog.remove();
});

it("takes first what is taken when its field is left", () => {
  const saved = vi.fn();
  function Form() {
    const [taken, setTaken] = useState("old");
    useSaveKey({ save: () => saved(taken), dirty: taken !== "old", reason: undefined });
    return <input aria-label="Id" onBlur={(event) => setTaken(event.currentTarget.value)} />;
  }
  renderUi(<Form />);
  const field = screen.getByLabelText("Id");
  field.focus();
  fireEvent.change(field, { target: { value: "new" } });
  fireEvent.keyDown(field, { key: "s", ctrlKey: true });
  expect(saved).toHaveBeenCalledExactlyOnceWith("new");
  expect(field).toHaveFocus();
});

it("says why nothing is saved", async () => {
  const save = vi.fn();
  renderUi(<Page save={save} reason="It has 2 errors" />);
  fireEvent.keyDown(document.body, { key: "S", ctrlKey: true });
  expect(await screen.findByText("It has 2 errors")).toBeInTheDocument();
  expect(save).not.toHaveBeenCalled();
});

it("does nothing where nothing was changed", async () => {
  const save = vi.fn();
  renderUi(<Page save={save} dirty={false} reason="Nothing has been changed" />);
  fireEvent.keyDown(document.body, { key: "s", ctrlKey: true });
  expect(await screen.findByText("There is nothing to save")).toBeInTheDocument();
  expect(save).not.toHaveBeenCalled();
});
