import { describe, expect, it } from "vitest";
import { ApiProblem, answer, asProblem, problemsByField, readProblem } from "./problem";

const PROBLEM = {
  type: "/docs/errors#conflict",
  title: "Conflict",
  status: 409,
  code: "conflict",
  detail: "The job is running.",
};

const response = (status: number, init: ResponseInit = {}) => new Response(null, { status, ...init });

describe("answers", () => {
  it("gives the data of a good answer", async () => {
    await expect(answer(Promise.resolve({ data: { id: 1 }, response: response(200) }))).resolves.toEqual({
      id: 1,
    });
  });

  it("throws the server's own problem", async () => {
    const call = answer(Promise.resolve({ error: PROBLEM, response: response(409) }));
    await expect(call).rejects.toMatchObject({
      status: 409,
      code: "conflict",
      message: "The job is running.",
    });
  });

  it("a network that does not answer becomes a problem, too", async () => {
    const call = answer<{ data?: unknown; response: Response }>(
      Promise.reject(new TypeError("Failed to fetch")),
    );
    await expect(call).rejects.toMatchObject({ status: 0, code: "unreachable" });
  });
});

describe("answers that are no problem details", () => {
  it.each(["", "<html>Bad gateway</html>", null, undefined, { error: "x" }, { title: "x", status: "502" }])(
    "%j",
    (body) => {
      const problem = readProblem(
        body,
        response(502, { statusText: "Bad Gateway", headers: { "Retry-After": "7" } }),
      );
      expect(problem).toMatchObject({
        status: 502,
        title: "Bad Gateway",
        code: "unexpected_answer",
        retry_after_seconds: 7,
      });
    },
  );

  it("anything thrown in the page is shown, too", () => {
    expect(asProblem(new Error("boom")).problem.detail).toBe("boom");
    const known = new ApiProblem(PROBLEM);
    expect(asProblem(known)).toBe(known);
  });
});

describe("problems of fields", () => {
  it("go to the nearest input, the others to the head of the form", () => {
    const { at, rest } = problemsByField(
      [
        { field: "payload.argv[1]", message: "contains a NUL byte" },
        { field: "payload.argv", message: "is too long" },
        { field: "timeout_seconds", message: "is more than 604800" },
        { field: "timeout_seconds_extra", message: "is unknown" },
        { field: "payload.other", message: "is odd" },
      ],
      ["payload", "payload.argv", "timeout_seconds"],
    );
    expect(at).toEqual({
      "payload.argv": "[1] contains a NUL byte; is too long",
      timeout_seconds: "is more than 604800",
      payload: ".other is odd",
    });
    expect(rest).toEqual([{ field: "timeout_seconds_extra", message: "is unknown" }]);
  });
});
