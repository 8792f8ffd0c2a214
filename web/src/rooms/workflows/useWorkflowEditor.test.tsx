import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook, waitFor } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { api } from "~/api/client";
import type { WorkflowDetail, WorkflowProblem } from "~/api/types";
import { AT } from "~/test/attempt";
import { useWorkflowEditor } from "./useWorkflowEditor";

const GONE: WorkflowProblem = {
  severity: "warning",
  pointer: "/steps/0/script",
  step: "greet",
  message: 'names script "gone", which is not there, or which you may not see',
};

const SAVED: WorkflowDetail = {
  id: 7,
  name: "rollout",
  description: "",
  draft_differs: true,
  steps: 1,
  created_at: AT,
  created_by: "user:1 (admin)",
  updated_at: AT,
  updated_by: "user:1 (admin)",
  draft: { steps: [{ id: "greet", type: "script", script: "gone" }] },
  draft_sha256: "ab",
  draft_source: "steps:\n  - id: greet\n    type: script\n    script: gone\n",
  draft_problems: [GONE],
};

beforeEach(() => {
  vi.spyOn(api, "POST").mockImplementation((() =>
    Promise.resolve({ response: new Response(), data: { problems: [], variables: {} } })) as never);
});

/** The editor of a page that was opened just now. */
async function opened() {
  const client = new QueryClient();
  const { result } = renderHook(() => useWorkflowEditor(SAVED), {
    wrapper: ({ children }) => <QueryClientProvider client={client}>{children}</QueryClientProvider>,
  });
  const found = () => result.current.checked?.problems.map(({ severity, line }) => [severity, line]);
  await waitFor(() => expect(found()).toEqual([["warning", 4]]));
  return { editor: () => result.current, found };
}

describe("what the server doubts about a draft", () => {
  it("is shown by an editor that did not save it, for as long as its text stands there", async () => {
    const { editor, found } = await opened();
    act(() => editor().change("steps: []\n"));
    expect(found()).toBeUndefined();
    act(() => editor().undo());
    expect(found()).toEqual([["warning", 4]]);
  });

  it("is an error, and no warning any more, when it was not published for it", async () => {
    const { editor, found } = await opened();
    await act(() => editor().doubt([{ ...GONE, severity: "error" }]));
    expect(found()).toEqual([["error", 4]]);
  });
});
