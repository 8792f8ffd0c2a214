import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, screen } from "@testing-library/react";
import { useState } from "react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { api } from "~/api/client";
import type { Attempt, JobDetail, JobOutput } from "~/api/types";
import { AT, ATTEMPT } from "~/test/attempt";
import { Events } from "~/test/events";
import { renderUi } from "~/test/render";
import { OutputPanel } from "./OutputPanel";

const LATE: Attempt = {
  ...ATTEMPT,
  stdout_bytes: 8,
  late: { state: "completed", exit_code: 0, received_at: AT },
};

/** The part of a job that its output needs. */
const job = (...attempts: Attempt[]) =>
  ({ id: 7, state: "unknown", attempt: attempts.length, attempts }) as unknown as JobDetail;

/** What the server would answer now. */
const stored = (text: string, complete: boolean, total = text.length): JobOutput => ({
  attempt: 1,
  stdout: { segments: [{ offset: 0, bytes: text.length, text }], total_bytes: total, cut_bytes: 0 },
  stderr: { segments: [], total_bytes: 0, cut_bytes: 0 },
  complete,
});

let answer: JobOutput;
const get = vi.spyOn(api, "GET");

beforeEach(() => {
  vi.stubGlobal("EventSource", Events);
  get
    .mockReset()
    .mockImplementation((() => Promise.resolve({ response: new Response(), data: answer })) as never);
});

/** The panel, and how its job is told anew. */
function panel(first: JobDetail, attempt: number): (next: JobDetail) => void {
  let tell: (next: JobDetail) => void = () => {};
  function Told() {
    const [job, setJob] = useState(first);
    tell = setJob;
    return <OutputPanel job={job} attempt={attempt} view={undefined} onView={() => {}} />;
  }
  renderUi(
    <QueryClientProvider client={new QueryClient()}>
      <Told />
    </QueryClientProvider>,
  );
  return (next) => act(() => tell(next));
}

describe("output that comes after the end", () => {
  it("is read when the job tells of it, and is not missing", async () => {
    const tell = panel(job(ATTEMPT), 1);
    Events.last.send("output", {
      attempt: 1,
      stream: "stdout",
      segment: { offset: 0, bytes: 4, text: "one\n" },
    });
    Events.last.send("end", {});
    expect(await screen.findByText("one")).toBeInTheDocument();
    expect(get).not.toHaveBeenCalled();

    answer = stored("one\ntwo\n", true);
    tell(job(LATE));
    expect(screen.queryByText(/not kept/)).not.toBeInTheDocument();
    expect(await screen.findByText("two")).toBeInTheDocument();
    expect(screen.queryByText(/not kept/)).not.toBeInTheDocument();
  });

  it("that the server did not keep is named", async () => {
    const tell = panel(job(ATTEMPT), 1);
    Events.last.send("end", {});
    answer = stored("one\n", true, 8);
    tell(job(LATE));
    expect(await screen.findByText("… 4 bytes not kept …")).toBeInTheDocument();
  });

  it("is not named as missing while more may come", async () => {
    const tell = panel(job(ATTEMPT), 1);
    Events.last.send("end", {});
    answer = stored("one\n", false, 8);
    tell(job({ ...ATTEMPT, stdout_bytes: 8 }));
    expect(await screen.findByText("one")).toBeInTheDocument();
    expect(screen.queryByText(/not kept/)).not.toBeInTheDocument();
  });

  it("of an earlier attempt is read, too", async () => {
    const current: Attempt = { ...ATTEMPT, id: 71, number: 2 };
    answer = stored("one\n", false);
    const tell = panel(job(ATTEMPT, current), 1);
    expect(await screen.findByText("one")).toBeInTheDocument();
    answer = stored("one\ntwo\n", true);
    tell(job(LATE, current));
    expect(screen.getByText("one")).toBeInTheDocument();
    expect(await screen.findByText("two")).toBeInTheDocument();
  });
});
