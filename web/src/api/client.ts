/** The typed client: cookies by the browser, the CSRF header on every change, one place that notices a lost session. */
import createClient from "openapi-fetch";
import type { paths } from "./schema";

let csrfToken: string | undefined;
/** Knows whose session it is, and what becomes of calls when it ends. */
export interface SessionKeeper {
  /** Whose calls these are. */
  owner: () => number | undefined;
  /** As late as calls may be made. */
  ready: () => Promise<void>;
  /**
   * The server says that the session is gone, or another than the one this page knows. Whether to make a call once more
   * that was refused for it: where it is a session of the same user.
   */
  ended: (owner: number | undefined) => Promise<boolean>;
}

let keeper: SessionKeeper | undefined;

export function setCsrfToken(token: string | null | undefined): void {
  csrfToken = token ?? undefined;
}

export function keepSession(by: SessionKeeper): void {
  keeper = by;
}

export const api = createClient<paths>({
  baseUrl: typeof window === "undefined" ? "http://localhost" : window.location.origin,
  credentials: "same-origin",
  fetch: send,
});

async function send(request: Request): Promise<Response> {
  if (!isOfSession(request)) {
    await keeper?.ready();
  }
  const owner = keeper?.owner();
  // What is sent can be read only once.
  const copy = request.clone();
  const response = await signedFetch(request);
  const again = (await isSignedOut(request, response)) && (await keeper?.ended(owner));
  return again ? signedFetch(copy) : response;
}

/** `fetch` is looked up at each call so that tests can put their own in its place. */
function signedFetch(request: Request): Promise<Response> {
  if (request.method !== "GET" && request.method !== "HEAD" && csrfToken) {
    request.headers.set("X-CSRF-Token", csrfToken);
  }
  return globalThis.fetch(request);
}

const isOfSession = ({ url }: Request): boolean => new URL(url).pathname.endsWith("/session");

/** Calls about the session itself say with 401 what was asked. */
async function isSignedOut(request: Request, response: Response): Promise<boolean> {
  if (response.status === 401) {
    return !isOfSession(request);
  }
  return response.status === 403 && (await codeOf(response)) === "csrf_token_missing";
}

async function codeOf(response: Response): Promise<unknown> {
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  return typeof body === "object" && body !== null && "code" in body ? body.code : undefined;
}
