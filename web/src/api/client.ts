/** The typed client: cookies by the browser, the CSRF header on every change, one place that notices a lost session. */
import createClient from "openapi-fetch";
import type { paths } from "./schema";

let csrfToken: string | undefined;
let onSignedOut: () => Promise<boolean> = async () => false;

export function setCsrfToken(token: string | null | undefined): void {
  csrfToken = token ?? undefined;
}

/**
 * Called when the server says that the session is gone, or that it is another than the one this page knows. A call that
 * was refused for it waits for the answer, and is made once more where that is yes.
 */
export function whenSignedOut(callback: () => Promise<boolean>): void {
  onSignedOut = callback;
}

export const api = createClient<paths>({
  baseUrl: typeof window === "undefined" ? "http://localhost" : window.location.origin,
  credentials: "same-origin",
  fetch: send,
});

async function send(request: Request): Promise<Response> {
  // What is sent can be read only once.
  const again = request.clone();
  const response = await signedFetch(request);
  return (await isSignedOut(request, response)) && (await onSignedOut()) ? signedFetch(again) : response;
}

/** `fetch` is looked up at each call so that tests can put their own in its place. */
function signedFetch(request: Request): Promise<Response> {
  if (request.method !== "GET" && request.method !== "HEAD" && csrfToken) {
    request.headers.set("X-CSRF-Token", csrfToken);
  }
  return globalThis.fetch(request);
}

/** Calls about the session itself say with 401 what was asked. */
async function isSignedOut(request: Request, response: Response): Promise<boolean> {
  if (response.status === 401) {
    return !new URL(request.url).pathname.endsWith("/session");
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
