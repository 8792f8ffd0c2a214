import { QueryClient } from "@tanstack/react-query";
import { ApiProblem } from "./problem";

const TRIES = 2;

/** Only what may pass by itself is tried again: no answer, or a server that is starting or busy. */
export function worthAnotherTry(count: number, error: unknown): boolean {
  if (!(error instanceof ApiProblem)) {
    return false;
  }
  const passing = error.status === 0 || error.status === 502 || error.status === 503 || error.status === 504;
  return passing && count < TRIES;
}

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: worthAnotherTry,
        staleTime: 2_000,
        refetchOnWindowFocus: true,
        networkMode: "always",
      },
      mutations: { retry: false, networkMode: "always" },
    },
  });
}
