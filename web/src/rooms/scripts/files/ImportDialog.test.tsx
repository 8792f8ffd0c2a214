import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { api } from "~/api/client";
import type { SavedScript, ScriptDetail } from "~/api/types";
import { renderUi } from "~/test/render";
import { ImportDialog } from "./ImportDialog";

const SAVED: SavedScript = {
  id: 7,
  kind: "script",
  name: "disk",
  description: "",
  language: "bash",
  version: 3,
  created_at: "2026-11-22T09:30:00Z",
  created_by: "a",
  updated_at: "2026-11-22T09:30:00Z",
  updated_by: "a",
};
const DETAIL: ScriptDetail = { ...SAVED, definition: { content: "true\n" }, sha256: "", used_by: [] };

const response = { response: new Response() };
const post = vi.spyOn(api, "POST");
const patch = vi.spyOn(api, "PATCH");

/** One script is there. */
function get(path: string, init?: { params?: { query?: { filter?: string[] } } }) {
  const asked = init?.params?.query?.filter?.join(" ");
  const items = asked === "kind:script name:disk" ? [SAVED] : [];
  return Promise.resolve({ ...response, data: path.endsWith("{id}") ? DETAIL : { items } });
}

beforeEach(() => {
  vi.spyOn(api, "GET").mockImplementation(get as unknown as typeof api.GET);
  post.mockReset().mockResolvedValue({ ...response, data: DETAIL } as never);
  patch.mockReset().mockResolvedValue({ ...response, data: DETAIL } as never);
});

// jsdom reads no files.
const file = (name: string, text: string) =>
  Object.assign(new File([text], name), {
    arrayBuffer: () => Promise.resolve(new TextEncoder().encode(text).buffer),
  });
const row = (name: RegExp) => within(screen.getByRole("row", { name }));
const start = () => screen.getByRole("button", { name: "Import" });

async function choose(...files: File[]) {
  const onClose = vi.fn();
  renderUi(
    <QueryClientProvider client={new QueryClient()}>
      <ImportDialog onClose={onClose} />
    </QueryClientProvider>,
  );
  const input = document.querySelector<HTMLInputElement>('input[type="file"]');
  await userEvent.upload(input as HTMLInputElement, files);
  await screen.findByRole("table", { name: "What will be done" });
  return onClose;
}

describe("an import", () => {
  it("says what will be done, and does it libraries first", async () => {
    const onClose = await choose(
      file("disk.sh", "false\n"),
      file("lib.sh", "# ---\n# name: disk\n# kind: library\n# ---\ntrue\n"),
      file("new.py", "print(1)\n"),
    );
    expect(row(/disk\.sh/).getByText("Becomes version 4")).toBeInTheDocument();
    expect(row(/new\.py/).getByText("Is created")).toBeInTheDocument();
    expect(row(/lib\.sh/).getByText("Bash library")).toBeInTheDocument();
    expect(post).not.toHaveBeenCalled();
    expect(patch).not.toHaveBeenCalled();
    await userEvent.type(screen.getByLabelText("What was changed"), "mended");
    await userEvent.click(start());
    await vi.waitFor(() => expect(onClose).toHaveBeenCalledOnce());
    expect(patch).toHaveBeenCalledWith(
      "/api/v1/scripts/{id}",
      expect.objectContaining({
        body: { description: "", definition: { content: "false\n" }, message: "mended", based_on: 3 },
      }),
    );
    expect(post.mock.calls).toEqual([
      ["/api/v1/scripts", expect.objectContaining({ body: expect.objectContaining({ kind: "library" }) })],
      ["/api/v1/scripts", expect.objectContaining({ body: expect.objectContaining({ name: "new" }) })],
    ]);
    expect(post.mock.invocationCallOrder[0]).toBeLessThan(patch.mock.invocationCallOrder[0] ?? 0);
  });

  it("does nothing as long as a file has a problem, which it tells with its line", async () => {
    await choose(file("disk.sh", "false\n"), file("bad.sh", "# ---\n# kind: macro\n# ---\n"));
    expect(row(/bad\.sh/).getByRole("alert")).toHaveTextContent(
      "Line 2: its header: kind must be one of script, library",
    );
    expect(start()).toHaveAttribute("aria-disabled", "true");
    await userEvent.click(start());
    expect(patch).not.toHaveBeenCalled();
  });

  it("of what is saved already does nothing", async () => {
    await choose(file("disk.sh", "true\n"));
    expect(row(/disk\.sh/).getByText("Unchanged")).toBeInTheDocument();
    expect(start()).toHaveAttribute("aria-disabled", "true");
  });

  it("stays open with what the server refuses, at its line", async () => {
    patch.mockResolvedValue({
      response: new Response(null, { status: 422 }),
      error: {
        type: "x",
        title: "Invalid",
        status: 422,
        code: "invalid_request",
        detail: "x",
        errors: [{ field: "definition.timeout_seconds", message: "must be 1 to 604800" }],
      },
    } as never);
    const onClose = await choose(file("disk.sh", "# ---\n# name: disk\n# timeout_seconds: 0\n# ---\n"));
    await userEvent.click(start());
    expect(await screen.findByText(/^Line 3: definition\.timeout_seconds must be 1 to/)).toBeInTheDocument();
    expect(onClose).not.toHaveBeenCalled();
  });
});
