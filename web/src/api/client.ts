/** The typed client: cookies by the browser, the CSRF header on every change, one place that notices a lost session. */
import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "./schema";

let csrfToken: string | undefined;
let onSignedOut: () => void = () => {};

export function setCsrfToken(token: string | null | undefined): void {
  csrfToken = token ?? undefined;
}

/** Called when the server says that the session is gone, on any call but those about the session itself. */
export function whenSignedOut(callback: () => void): void {
  onSignedOut = callback;
}

const session: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET" && request.method !== "HEAD" && csrfToken) {
      request.headers.set("X-CSRF-Token", csrfToken);
    }
    return request;
  },
  onResponse({ request, response }) {
    if (response.status === 401 && !new URL(request.url).pathname.endsWith("/session")) {
      onSignedOut();
    }
    return response;
  },
};

export const api = createClient<paths>({
  baseUrl: typeof window === "undefined" ? "http://localhost" : window.location.origin,
  credentials: "same-origin",
  // Looked up at each call so that tests can put their own in its place.
  fetch: (request) => globalThis.fetch(request),
});
api.use(session);
