import { QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { act, screen } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { api } from "~/api/client";
import { Events } from "~/test/events";
import { renderUi } from "~/test/render";
import { instanceOptions } from "../api";
import { useInstanceWatch } from "./useInstanceWatch";

/** Questions that the server has not answered yet, the oldest first. */
let asked: ((state: string) => void)[];

beforeEach(() => {
  vi.stubGlobal("EventSource", Events);
  asked = [];
  vi.spyOn(api, "GET").mockImplementation(
    (() =>
      new Promise((resolve) => {
        asked.push((state) =>
          resolve({ response: new Response(), data: { id: 7, state, runs: [], current: [] } }),
        );
      })) as never,
  );
});

function Shown() {
  const { data } = useQuery(instanceOptions(7, useInstanceWatch(7)));
  return <p>{data?.state ?? "loading"}</p>;
}

const watched = () =>
  renderUi(
    <QueryClientProvider client={new QueryClient()}>
      <Shown />
    </QueryClientProvider>,
  );

const settle = () => act(() => new Promise((resolve) => setTimeout(resolve)));

const tell = async (...states: string[]) => {
  for (const state of states) {
    Events.last.send("state", { state });
  }
  await settle();
};

const answer = async (question: number, state: string) => {
  asked[question]?.(state);
  await settle();
};

describe("an instance that is watched", () => {
  it("is read again where it moved while it was read for the first time", async () => {
    watched();
    await tell("failed");
    Events.last.send("end", {});
    await answer(0, "active");
    await answer(1, "failed");
    expect(await screen.findByText("failed")).toBeInTheDocument();
    expect(asked).toHaveLength(2);
  });

  it("is read once more for all that is told while it is read", async () => {
    watched();
    await answer(0, "active");
    await tell("active", "active", "active");
    await answer(1, "active");
    await answer(2, "completed");
    expect(await screen.findByText("completed")).toBeInTheDocument();
    expect(asked).toHaveLength(3);
  });
});
