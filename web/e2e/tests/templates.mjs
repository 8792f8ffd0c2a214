import { assert, until } from "../expect.mjs";
import { inAllSizes } from "../looks.mjs";

export default {
  "a workflow begins with a template": async (world) => {
    const { page } = world;
    if ((await page.request.get("/api/v1/session")).status() !== 200) {
      await world.signIn(page);
    }
    const { items } = await (await page.request.get("/api/v1/workflow-templates")).json();
    assert.ok(items.length > 0);
    await page.goto("/workflows");
    await page.getByRole("button", { name: "New workflow", exact: true }).first().click();
    const dialog = page.getByRole("dialog", { name: "New workflow" });
    for (const { title, description } of items) {
      await dialog.getByRole("radio", { name: title }).waitFor();
      await dialog.getByText(description).waitFor();
    }
    assert.ok(await dialog.getByRole("radio", { name: "Empty" }).isChecked());
    await inAllSizes(world, page, "workflow-new", () => dialog.waitFor());
    await dialog.getByLabel("Name").fill("from-a-template");
    await dialog.getByRole("radio", { name: items[0].title }).check();
    await dialog.getByRole("button", { name: "Create and write it" }).click();
    await page.getByRole("heading", { name: "from-a-template", exact: true }).waitFor();
    const made = await (await page.request.get("/api/v1/workflows?filter=name:from-a-template")).json();
    const shown = await (await page.request.get(`/api/v1/workflows/${made.items[0].id}`)).json();
    assert.equal(shown.draft_source.trim(), items[0].source.trim());
    assert.ok(!shown.version, "it is a draft");
    world.templated = made.items[0].id;
  },

  "where its hosts are chosen, what is missing leaves the buttons beside each other": async (world) => {
    const { page } = world;
    await page.goto(`/workflows/${world.templated}`);
    await page.getByRole("button", { name: "Choose hosts", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Choose hosts" });
    await dialog.getByRole("textbox", { name: "Label selector" }).fill("");
    await dialog.getByText(/^Choose hosts: by name/).waitFor();
    const top = async (name) => (await dialog.getByRole("button", { name }).boundingBox()).y;
    await inAllSizes(world, page, "workflow-choose-hosts", async (width) => {
      await until(
        `the buttons stand beside each other at ${width}`,
        async () => (await top("Keep as it is")) === (await top("Take these hosts")),
      );
    });
    await dialog.getByRole("button", { name: "Keep as it is" }).click();
    await dialog.waitFor({ state: "hidden" });
  },
};
