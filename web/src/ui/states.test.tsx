import { screen } from "@testing-library/react";
import { expect, it } from "vitest";
import { ApiProblem } from "~/api/problem";
import { renderUi } from "~/test/render";
import { ErrorState, ProblemAlert } from "./states";

const problem = (detail: string, errors: { field: string; message: string }[] = []) =>
  new ApiProblem({
    type: "about:blank",
    title: "Unprocessable Entity",
    status: 422,
    code: "invalid_request",
    detail,
    errors,
  });
const twice = problem("draft.steps[0].hosts: names nobody", [
  { field: "draft.steps[0].hosts", message: "names nobody" },
]);

it("says each field once, by the name it has on the page", () => {
  renderUi(
    <ProblemAlert
      error={twice}
      line={({ field, message }) => (field.startsWith("draft") ? `Step ask ${message}` : undefined)}
    />,
  );
  expect(screen.getByRole("alert")).toHaveTextContent(/^Something is not right yetStep ask names nobody$/);
});

it("says what the whole text says beside its fields", () => {
  renderUi(<ProblemAlert error={problem("Nothing was saved.", [{ field: "name", message: "is taken" }])} />);
  expect(screen.getByRole("alert")).toHaveTextContent("Nothing was saved.name is taken");
});

it("says a failed load without doubling it", () => {
  renderUi(<ErrorState error={twice} />);
  expect(screen.getAllByText(/names nobody/)).toHaveLength(1);
});
