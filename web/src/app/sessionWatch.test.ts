import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { setCsrfToken } from "~/api/client";
import type { Session } from "~/api/types";
import { enterSession, sessionOptions } from "./session";
import { SessionWatch } from "./sessionWatch";
import { watchForms } from "./unsaved";

const session = (id: number): Session => ({
  user: {
    id,
    tenant_id: 1,
    username: `user-${id}`,
    display_name: "",
    active: true,
    created_at: "2026-11-22T09:30:00Z",
    bindings: [],
  },
  permissions: [],
  expires_at: "2026-11-22T09:30:00Z",
  csrf_token: `token-${id}`,
});

watchForms();

describe("a session that ends", () => {
  let now: Session | undefined;
  let asked = 0;
  let client: QueryClient;
  let watch: SessionWatch;
  const ways = { toSignIn: vi.fn(), toPage: vi.fn(), anew: vi.fn() };
  const tabs = { postMessage: vi.fn(), onmessage: null as BroadcastChannel["onmessage"] };

  beforeEach(() => {
    now = undefined;
    asked = 0;
    vi.clearAllMocks();
    vi.stubGlobal("fetch", async () => {
      asked += 1;
      return Response.json(now ?? { code: "not_signed_in" }, { status: now ? 200 : 401 });
    });
    client = new QueryClient();
    enterSession(client, session(1));
    client.setQueryData(["workflows"], "of user 1");
    watch = new SessionWatch(client, tabs, ways);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    setCsrfToken(undefined);
    document.body.replaceChildren();
  });

  /** Somebody typed in a form of the page. */
  const type = () => {
    document.body.innerHTML = "<form><input></form>";
    document.querySelector("input")?.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const fromOtherTab = () => tabs.onmessage?.call({} as BroadcastChannel, new MessageEvent("message"));
  const cached = () => client.getQueryData(["workflows"]);

  it("leads to the sign-in once, and what was read is forgotten", async () => {
    expect(await Promise.all([watch.ended(1), watch.ended(1), watch.ended(1)])).toEqual([
      false,
      false,
      false,
    ]);
    expect(await watch.ended(1)).toBe(false);
    expect(ways.toSignIn).toHaveBeenCalledOnce();
    expect(cached()).toBeUndefined();
    expect(watch.lost()).toBeUndefined();
  });

  it("keeps a page where somebody has typed, and calls wait until they are back", async () => {
    type();
    const calls = [watch.ended(1), watch.ended(1)];
    await vi.waitFor(() => expect(watch.lost()).toEqual({ user: session(1).user, other: undefined }));
    calls.push(watch.ended(1));
    expect(asked).toBe(1);
    watch.signedIn(session(1));
    expect(await Promise.all(calls)).toEqual([true, true, true]);
    expect(watch.lost()).toBeUndefined();
    expect(cached()).toBe("of user 1");
    expect(ways.toSignIn).not.toHaveBeenCalled();
    expect(tabs.postMessage).toHaveBeenCalledOnce();
  });

  it("keeps nothing for a form that is gone", async () => {
    type();
    document.body.replaceChildren();
    expect(await watch.ended(1)).toBe(false);
    expect(ways.toSignIn).toHaveBeenCalledOnce();
  });

  it("goes on by itself when the user signs in in another tab", async () => {
    type();
    const call = watch.ended(1);
    await vi.waitFor(() => expect(watch.lost()).toBeDefined());
    now = session(1);
    fromOtherTab();
    expect(await call).toBe(true);
    expect(watch.lost()).toBeUndefined();
    expect(tabs.postMessage).not.toHaveBeenCalled();
  });

  it("is told by the tab in which somebody signed out", async () => {
    fromOtherTab();
    await vi.waitFor(() => expect(ways.toSignIn).toHaveBeenCalledOnce());
  });

  it("hands nothing of one user to another", async () => {
    type();
    const call = watch.ended(1);
    await vi.waitFor(() => expect(watch.lost()).toBeDefined());
    const settled = vi.fn();
    void call.then(settled);
    watch.signedIn(session(2));
    expect(watch.lost()?.other?.user.id).toBe(2);
    expect(ways.anew).not.toHaveBeenCalled();
    const held = vi.fn();
    void watch.ready().then(held);
    watch.drop();
    expect(ways.anew).toHaveBeenCalledOnce();
    await new Promise((resolve) => setTimeout(resolve));
    expect([settled, held].map((one) => one.mock.calls.length)).toEqual([0, 0]);
    expect(client.getQueryData(sessionOptions.queryKey)?.user.id).toBe(1);
  });

  it("of another user loads the document anew, and no call of the first is made again", async () => {
    now = session(2);
    const settled = vi.fn();
    for (const _ of [1, 2]) {
      void watch.ended(1).then(settled);
    }
    await vi.waitFor(() => expect(ways.anew).toHaveBeenCalled());
    expect(settled).not.toHaveBeenCalled();
    expect(watch.lost()).toBeUndefined();
  });

  it("makes no call once more that was made for somebody else", async () => {
    now = session(1);
    expect(await watch.ended(2)).toBe(false);
    expect(await watch.ended(1)).toBe(true);
  });

  it("goes by what the server says after another tab has spoken", async () => {
    type();
    let answer = (_: Response) => {};
    vi.stubGlobal("fetch", () => new Promise<Response>((resolve) => (answer = resolve)));
    const call = watch.ended(1);
    const before = answer;
    fromOtherTab();
    before(Response.json({ code: "not_signed_in" }, { status: 401 }));
    answer(Response.json(session(1)));
    expect(await call).toBe(true);
    expect(watch.lost()).toBeUndefined();
  });

  it("of somebody else finds nothing that was read before", () => {
    enterSession(client, session(1));
    expect(cached()).toBe("of user 1");
    enterSession(client, session(2));
    expect(cached()).toBeUndefined();
  });

  it("that was only renewed goes on with the new one, and reads nothing again", async () => {
    now = session(1);
    const invalidated = vi.spyOn(client, "invalidateQueries");
    expect(await watch.ended(1)).toBe(true);
    expect(invalidated).not.toHaveBeenCalled();
  });

  it("is no end when the server cannot be asked", async () => {
    vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("Failed to fetch")));
    expect(await watch.ended(1)).toBe(false);
    expect(ways.toSignIn).not.toHaveBeenCalled();
    expect(cached()).toBe("of user 1");
  });
});
