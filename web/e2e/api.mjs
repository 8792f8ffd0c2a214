// What the API says and does, for what a test does not look at: as the user who is signed in.
import { assert, until } from "./expect.mjs";

export async function call(page, method, path, data) {
  const session = await (await page.request.get("/api/v1/session")).json();
  const response = await page.request.fetch(path, {
    method,
    data,
    headers: { "X-CSRF-Token": session.csrf_token },
  });
  assert.ok(response.ok(), `${method} ${path}: ${response.status()} ${await response.text()}`);
  return response.status() === 204 ? undefined : response.json();
}

export const workflowNamed = async (page, name) =>
  (await call(page, "GET", `/api/v1/workflows?filter=name:${name}`)).items[0];

/** Saved and published. */
export async function makeWorkflow(page, name, source) {
  const made = await call(page, "POST", "/api/v1/workflows", { name, source });
  await call(page, "POST", `/api/v1/workflows/${made.id}/publish`, { message: "" });
  return made.id;
}

/** Gives the instance. */
export async function start(page, name, body = {}) {
  const { id } = await workflowNamed(page, name);
  return call(page, "POST", `/api/v1/workflows/${id}/instances`, body);
}

export const instanceIn = (page, id, ...states) =>
  until(`instance ${id} is ${states.join(" or ")}`, async () => {
    const instance = await call(page, "GET", `/api/v1/instances/${id}`);
    return states.includes(instance.state) ? instance : undefined;
  });
