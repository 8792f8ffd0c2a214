import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { screen } from "@testing-library/react";
import { expect, it } from "vitest";
import type { ApprovalDetail, Asked } from "~/api/types";
import { leaveSession } from "~/app/session";
import { renderUi } from "~/test/render";
import { PeoplePanel } from "./PeoplePanel";

/** The part of an approval that those who were asked need. */
const approval = (needed: number, ...people: Asked[]) =>
  ({ state: "open", deadline: "2026-11-29T13:00:00Z", needed, people }) as unknown as ApprovalDetail;

function panel(shown: ApprovalDetail) {
  const client = new QueryClient();
  // Nobody is signed in, and nothing is asked for.
  leaveSession(client);
  renderUi(
    <QueryClientProvider client={client}>
      <PeoplePanel approval={shown} />
    </QueryClientProvider>,
  );
  return screen.getAllByRole("listitem").map((one) => one.textContent);
}

const anna = { user_id: 1, name: "anna" };
const ben = { user_id: 2, name: "ben", cannot_answer: "is switched off" };

it("whoever cannot answer any more is told with the reason", () => {
  expect(panel(approval(1, anna, ben))).toEqual([
    "annahas not answered",
    "benis switched off, and cannot answer",
  ]);
  expect(screen.getByText(/^Not all who were asked can still answer/)).toBeInTheDocument();
});

it("an approval that nobody can give any more is told", () => {
  panel(approval(2, anna, ben));
  expect(screen.getByText(/^It can no longer be approved as it is: 2 more must approve/)).toBeInTheDocument();
});

it("who has answered is gone without a word", () => {
  expect(panel(approval(2, anna, { user_id: 2, name: "ben", decision: "approve" }))).toEqual([
    "annahas not answered",
    "benApproved",
  ]);
  expect(screen.queryByText(/still answer/)).toBeNull();
});
