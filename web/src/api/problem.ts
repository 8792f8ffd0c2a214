/** What went wrong with a call, always as a problem (RFC 9457): the server's own, or one made up for the network. */
import type { FieldProblem, Problem } from "./types";

export class ApiProblem extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.name = "ApiProblem";
    this.problem = problem;
  }

  get status(): number {
    return this.problem.status;
  }

  get code(): string {
    return this.problem.code;
  }

  get fields(): FieldProblem[] {
    return this.problem.errors ?? [];
  }
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Waits for a call of the generated client; gives its data or throws an `ApiProblem`. */
export async function answer<R extends Answer<unknown>>(call: Promise<R>): Promise<NonNullable<R["data"]>> {
  let result: R;
  try {
    result = await call;
  } catch (cause) {
    throw unreachable(cause);
  }
  if (!result.response.ok) {
    throw new ApiProblem(readProblem(result.error, result.response));
  }
  return result.data as NonNullable<R["data"]>;
}

/** A call that never got an answer. */
export function unreachable(cause: unknown): ApiProblem {
  if (cause instanceof ApiProblem) {
    return cause;
  }
  return new ApiProblem({
    type: "about:blank",
    title: "The server cannot be reached",
    status: 0,
    code: "unreachable",
    detail: "The server does not answer. Check the network and that it is running; this page tries again.",
  });
}

/** Anything that a proxy may put in front of the server must still become a readable problem. */
export function readProblem(
  body: unknown,
  response: Pick<Response, "status" | "statusText" | "headers">,
): Problem {
  if (isProblem(body)) {
    return body;
  }
  const retry = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return {
    type: "about:blank",
    title: response.statusText || `HTTP ${response.status}`,
    status: response.status,
    code: "unexpected_answer",
    detail: `The answer was HTTP ${response.status} without an explanation. If it stays, look at the server's log.`,
    retry_after_seconds: Number.isFinite(retry) ? retry : undefined,
  };
}

function isProblem(body: unknown): body is Problem {
  if (typeof body !== "object" || body === null) {
    return false;
  }
  const { title, status, detail } = body as Record<string, unknown>;
  return typeof title === "string" && typeof status === "number" && typeof detail === "string";
}

export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) {
    return error;
  }
  return new ApiProblem({
    type: "about:blank",
    title: "Something went wrong in this page",
    status: 0,
    code: "page_error",
    detail: error instanceof Error ? error.message : String(error),
  });
}

/**
 * Splits field problems between the inputs of a form. `names` are the paths of its inputs; a problem at or
 * below one of them (`payload.argv[1]` is below `payload.argv`) belongs to it, the rest is for the form's head.
 */
export function problemsByField<Name extends string>(
  fields: FieldProblem[],
  names: readonly Name[],
): { at: Partial<Record<Name, string>>; rest: FieldProblem[] } {
  const at: Partial<Record<Name, string>> = {};
  const rest: FieldProblem[] = [];
  for (const problem of fields) {
    const name = names
      .filter((candidate) => isAtOrBelow(problem.field, candidate))
      .sort((a, b) => b.length - a.length)[0];
    if (name === undefined) {
      rest.push(problem);
    } else {
      const text =
        problem.field === name ? problem.message : `${problem.field.slice(name.length)} ${problem.message}`;
      at[name] = at[name] ? `${at[name]}; ${text}` : text;
    }
  }
  return { at, rest };
}

function isAtOrBelow(field: string, name: string): boolean {
  return field === name || field.startsWith(`${name}.`) || field.startsWith(`${name}[`);
}
