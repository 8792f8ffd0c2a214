import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { api } from "~/api/client";
import type { Calendar } from "~/api/types";
import { renderUi } from "~/test/render";
import { CalendarDialog } from "./CalendarDialog";

const READ: Calendar = {
  id: 6,
  name: "holidays",
  description: "",
  zone: "UTC",
  entries: [{ kind: "dates", from: "2026-12-24", to: "2027-01-01" }],
  used_by: [],
  sha256: "aa",
  created_at: "2026-11-22T09:30:00Z",
  created_by: "user:1 (admin)",
};
const NEWEST: Calendar = { ...READ, description: "of the bank", sha256: "bb" };
const REFUSAL = {
  type: "about:blank",
  title: "Conflict",
  status: 409,
  code: "newer_calendar",
  detail: 'Calendar "holidays" was changed by user:2 (anna) meanwhile. Load it again and repeat the edit.',
};

// jsdom knows no fonts, for which a text area waits to take its size.
Object.defineProperty(document, "fonts", { value: new EventTarget() });

const patch = vi.spyOn(api, "PATCH");
const onClose = vi.fn();

/** Somebody else has saved since it was read. */
function answerTo(_: string, { body }: { body: { based_on?: string } }) {
  return Promise.resolve(
    body.based_on === NEWEST.sha256
      ? { data: NEWEST, response: new Response() }
      : { error: REFUSAL, response: new Response(null, { status: 409 }) },
  );
}

beforeEach(async () => {
  onClose.mockReset();
  patch.mockReset().mockImplementation(answerTo as unknown as typeof api.PATCH);
  vi.spyOn(api, "GET").mockResolvedValue({ data: NEWEST, response: new Response() } as never);
  renderUi(
    <QueryClientProvider client={new QueryClient()}>
      <CalendarDialog opened calendar={READ} onClose={onClose} />
    </QueryClientProvider>,
  );
  await userEvent.type(screen.getByLabelText("Description"), "nobody is here");
  await userEvent.click(screen.getByRole("button", { name: "Save" }));
  expect(await screen.findByRole("alert")).toHaveTextContent("was changed by user:2 (anna) meanwhile");
  expect(patch.mock.lastCall?.[1]).toMatchObject({ body: { based_on: "aa", description: "nobody is here" } });
});

describe("an edit of a calendar that somebody else has changed", () => {
  it("is kept, and is saved in its place when they say so", async () => {
    await userEvent.click(screen.getByRole("button", { name: "Keep my edit" }));
    await vi.waitFor(() => expect(screen.queryByRole("alert")).toBeNull());
    expect(screen.getByLabelText("Description")).toHaveValue("nobody is here");
    await userEvent.click(screen.getByRole("button", { name: "Save" }));
    await vi.waitFor(() => expect(onClose).toHaveBeenCalledOnce());
    expect(patch.mock.lastCall?.[1]).toMatchObject({
      body: { based_on: "bb", description: "nobody is here" },
    });
  });

  it("is dropped for what is there now", async () => {
    await userEvent.click(screen.getByRole("button", { name: "Take the newest, drop my edit" }));
    await vi.waitFor(() => expect(screen.getByLabelText("Description")).toHaveValue("of the bank"));
    expect(screen.queryByRole("alert")).toBeNull();
    expect(patch).toHaveBeenCalledOnce();
  });
});
