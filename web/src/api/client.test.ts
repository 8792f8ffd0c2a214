import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { api, keepSession, type SessionKeeper, setCsrfToken } from "./client";
import { Intent } from "./intent";
import { allItems, type ListQuery, listQuery } from "./list";

describe("client", () => {
  const sent: Request[] = [];
  let status = 200;
  const keep = (keeper: Partial<SessionKeeper>) =>
    keepSession({ owner: () => 1, ready: async () => undefined, ended: async () => false, ...keeper });

  beforeEach(() => {
    sent.length = 0;
    status = 200;
    vi.stubGlobal("fetch", async (request: Request) => {
      sent.push(request);
      return new Response(status === 204 ? null : "{}", {
        status,
        headers: { "Content-Type": "application/json" },
      });
    });
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    setCsrfToken(undefined);
    keep({});
  });

  it("changes carry the token against forged requests, reading does not", async () => {
    setCsrfToken("secret");
    await api.GET("/api/v1/session");
    await api.DELETE("/api/v1/session");
    expect(sent.map((request) => request.headers.get("X-CSRF-Token"))).toEqual([null, "secret"]);
  });

  it("filters repeat in the query", async () => {
    await api.GET("/api/v1/agents", {
      params: { query: { filter: ["health:running", "label:a=b"], limit: 2 } },
    });
    expect(new URL(sent[0]?.url ?? "").searchParams.getAll("filter")).toEqual([
      "health:running",
      "label:a=b",
    ]);
  });

  it("a lost session is noticed on every call but those about the session", async () => {
    const ended = vi.fn(async () => false);
    keep({ ended });
    status = 401;
    await api.GET("/api/v1/session");
    expect(ended).not.toHaveBeenCalled();
    await api.GET("/api/v1/agents");
    expect(ended).toHaveBeenCalledOnce();
  });

  it("a call that found the session gone is made once more when somebody has signed in", async () => {
    const bodies: string[] = [];
    vi.stubGlobal("fetch", async (request: Request) => {
      sent.push(request);
      bodies.push(await request.text());
      return new Response("{}", { status });
    });
    keep({
      ended: async () => {
        setCsrfToken("new");
        return true;
      },
    });
    setCsrfToken("old");
    status = 401;
    await api.POST("/api/v1/workflow-checks", { body: { source: "steps: []" } });
    expect(sent.map((request) => request.headers.get("X-CSRF-Token"))).toEqual(["old", "new"]);
    expect(bodies).toEqual(['{"source":"steps: []"}', '{"source":"steps: []"}']);
  });

  it("a call is made when calls may be made, and says whose it was when it was made", async () => {
    let goOn = () => {};
    const ready = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const ended = vi.fn(async () => false);
    let owner = 1;
    keep({ ready: () => ready, owner: () => owner, ended });
    status = 401;
    const call = api.GET("/api/v1/agents");
    await api.GET("/api/v1/session");
    expect(sent).toHaveLength(1);
    owner = 2;
    goOn();
    await call;
    expect(sent).toHaveLength(2);
    expect(ended).toHaveBeenCalledExactlyOnceWith(2);
  });

  it("a token of another session is no reason to reload the page", async () => {
    const ended = vi.fn(async () => true);
    keep({ ended });
    const refused = { code: "csrf_token_missing" };
    const answers = [Response.json(refused, { status: 403 }), Response.json({ code: "x" }, { status: 403 })];
    vi.stubGlobal("fetch", async () => answers.shift());
    await api.DELETE("/api/v1/session");
    expect(ended).toHaveBeenCalledOnce();
    expect(answers).toEqual([]);
  });
});

describe("intent", () => {
  const key = (intent: Intent, body: unknown) => intent.headers(body)["Idempotency-Key"];

  it("the same content keeps its key, other content and a new intent get their own", () => {
    const intent = new Intent();
    const first = key(intent, { name: "a" });
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect(key(intent, { name: "a" })).toBe(first);
    const second = key(intent, { name: "b" });
    expect(second).not.toBe(first);
    intent.done();
    expect(key(intent, { name: "b" })).not.toBe(second);
  });
});

describe("lists", () => {
  it("say only what is set", () => {
    expect(listQuery({ search: " ", filter: [] }, 50)).toEqual({ limit: 50 });
    expect(listQuery({ search: " web ", sort: "-name", filter: ["a:b"] }, 50, "c")).toEqual({
      limit: 50,
      search: "web",
      sort: "-name",
      filter: ["a:b"],
      cursor: "c",
    });
  });

  it("an export follows the cursor to the end", async () => {
    const asked: ListQuery[] = [];
    const pages = [
      { items: [1, 2], next_cursor: "two" },
      { items: [3], next_cursor: null },
    ];
    const progress = vi.fn();
    const items = await allItems(
      { filter: ["a:b"] },
      async (query) => {
        asked.push(query);
        return pages[asked.length - 1] ?? { items: [] };
      },
      progress,
    );
    expect(items).toEqual([1, 2, 3]);
    expect(asked.map((query) => query.cursor)).toEqual([undefined, "two"]);
    expect(asked.every((query) => query.limit === 500 && query.filter?.[0] === "a:b")).toBe(true);
    expect(progress).toHaveBeenLastCalledWith(3);
  });
});
