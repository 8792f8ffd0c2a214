import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { api } from "~/api/client";
import type { Attempt, JobDetail, JobOutput } from "~/api/types";
import { AT, ATTEMPT } from "~/test/attempt";
import { Events } from "~/test/events";
import { renderUi } from "~/test/render";
import { JobConsole } from "./JobConsole";

const OUTPUT: JobOutput = {
  attempt: 1,
  stdout: { segments: [{ offset: 0, bytes: 8, text: "one\ntwo\n" }], total_bytes: 8, cut_bytes: 0 },
  stderr: { segments: [], total_bytes: 0, cut_bytes: 0 },
  complete: true,
};

/** The attempt as the server knows it now. */
let attempt: Attempt;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", Events);
  attempt = ATTEMPT;
  const job = () => ({ id: 7, state: "unknown", attempt: 1, attempts: [attempt] }) as unknown as JobDetail;
  vi.spyOn(api, "GET").mockImplementation(((path: string) =>
    Promise.resolve({
      response: new Response(),
      data: path === "/api/v1/jobs/{id}" ? job() : OUTPUT,
    })) as never);
});

afterEach(() => void vi.useRealTimers());

/** The job is asked for again, and what follows from its answer comes. */
const pass = async () => {
  await act(() => vi.advanceTimersByTimeAsync(5_000));
  await act(() => vi.advanceTimersByTimeAsync(1));
};

it("shows output that comes after the end while it is open", async () => {
  renderUi(
    <QueryClientProvider client={new QueryClient()}>
      <JobConsole id={7} attempt={1} running={false} agent="web-1" />
    </QueryClientProvider>,
  );
  Events.last.send("output", {
    attempt: 1,
    stream: "stdout",
    segment: { offset: 0, bytes: 4, text: "one\n" },
  });
  Events.last.send("end", {});
  await pass();
  expect(screen.getByText("one")).toBeInTheDocument();
  expect(screen.queryByText("two")).not.toBeInTheDocument();

  attempt = { ...ATTEMPT, stdout_bytes: 8, late: { state: "completed", exit_code: 0, received_at: AT } };
  await pass();
  expect(screen.getByText("two")).toBeInTheDocument();
});
