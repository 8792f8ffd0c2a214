import { screen, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { JobPayload, JobPreview } from "~/api/types";
import { AT } from "~/test/attempt";
import { renderUi } from "~/test/render";
import { JobTimeline } from "./JobTimeline";
import { LateText } from "./LateText";
import { PreviewPanel } from "./PreviewPanel";
import { WorkPanel } from "./WorkPanel";

const DIGEST = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

describe("what runs", () => {
  it("is shown with its variables", () => {
    renderUi(
      <WorkPanel
        job={{ type: "command", payload: { argv: ["env"], environment: { LEVEL: "3", TEXT: "two\nlines" } } }}
      />,
    );
    const variables = within(screen.getByLabelText("Environment"));
    expect(variables.getAllByRole("term").map((one) => one.textContent)).toEqual(["LEVEL", "TEXT"]);
    expect(variables.getAllByRole("definition").map((one) => one.textContent)).toEqual(["3", "two\nlines"]);
  });

  it.each<[JobPayload, string]>([
    [
      { type: "user_control", payload: { action: "create", user: "root", force: true } },
      "Even if it is root or the agent’s own user, or gets one of their groups",
    ],
    [{ type: "http_request", payload: { method: "GET", url: "https://a", body: "said" } }, "said"],
    [
      {
        type: "http_request",
        payload: { method: "GET", url: "https://a", secret_headers: { "X-Key": "token" } },
      },
      "X-Key (secret token)",
    ],
  ])("is shown with everything that was asked for: $payload", (work, text) => {
    renderUi(<WorkPanel job={work} />);
    expect(screen.getByText(text)).toBeInTheDocument();
  });

  it("of a script has the digest that a policy names", () => {
    const payload = { language: "bash", content: "true" };
    renderUi(<WorkPanel job={{ type: "script", payload, content_sha256: DIGEST }} />);
    expect(screen.getByRole("group", { name: /^SHA-256 of the whole text/ })).toHaveTextContent(DIGEST);
  });
});

describe("the preview", () => {
  const preview: JobPreview = { summary: "check", payload_sha256: "ab", batches: 1, hosts: [] };

  it("has the digest for policy.toml, to be copied", () => {
    renderUi(<PreviewPanel preview={{ ...preview, content_sha256: DIGEST }} />);
    const digest = screen.getByRole("group", { name: /SHA-256 of the whole text.*policy\.toml/ });
    expect(digest).toHaveTextContent(DIGEST);
    expect(screen.getByRole("button", { name: "Copy SHA-256 of the whole text" })).toBeInTheDocument();
  });

  it("of what is no script has none", () => {
    renderUi(<PreviewPanel preview={preview} />);
    expect(screen.queryByText(/policy\.toml/)).not.toBeInTheDocument();
    expect(screen.getByText("SHA-256 of the request")).toBeInTheDocument();
  });
});

describe("what came late", () => {
  it("says how long it took and why it failed", () => {
    renderUi(
      <LateText
        late={{
          state: "failed",
          exit_code: 3,
          duration_ms: 61_000,
          reason: "no space left",
          received_at: "2026-11-22T09:30:00Z",
        }}
      />,
    );
    expect(
      screen.getByText(/: failed after .*, exit code 3, no space left\. It does not/),
    ).toBeInTheDocument();
  });
});

describe("the timeline", () => {
  it.each([
    ["user:1 (admin)", "Created by admin"],
    ["schedule:7 (nightly (old)) for user:5 (anna)", "Created by anna, through nightly (old)"],
  ])("says who made the job in the words of its facts: %s", (creator, words) => {
    renderUi(
      <JobTimeline job={{ created_by: creator, timeline: [{ at: AT, text: `Created by ${creator}` }] }} />,
    );
    expect(screen.getByText(words)).toBeInTheDocument();
  });
});
