import { accessible, assert, tabTo, until } from "../expect.mjs";
import { addUser, openAs } from "../people.mjs";

const PLANT = {
  user: "petra",
  password: "a-long-enough-password",
  role: "administrator",
  at: "Organization plant",
};

const row = (page, name) => page.getByRole("row", { name: new RegExp(`^${name}`) });

async function choose(page, organization, item) {
  await page.getByRole("button", { name: `Actions for ${organization}` }).click();
  await page.getByRole("menuitem", { name: item }).click();
}

export default {
  "an organization is added by keyboard": async (world) => {
    const { page } = world;
    await page.goto("/agents");
    await tabTo(page, page.getByRole("link", { name: "Organizations" }));
    await page.keyboard.press("Enter");
    await row(page, "default").waitFor();
    await tabTo(page, page.getByRole("button", { name: "Add organization" }));
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Add an organization" });
    const name = dialog.getByLabel("Name");
    await until("the name has the focus", () =>
      name.evaluate((element) => element === document.activeElement),
    );
    await page.keyboard.type("default");
    await page.keyboard.press("Enter");
    await dialog.getByRole("alert").getByText("Choose another name").waitFor();
    await name.fill("no spaces allowed");
    await page.keyboard.press("Enter");
    await until("the field has an error", () =>
      name.evaluate((input) => input.getAttribute("aria-invalid") === "true"),
    );
    await accessible(page, "the dialog for an organization");
    await name.fill("factory");
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "hidden" });
    await row(page, "factory").waitFor();
  },

  "departments are added one after the other": async (world) => {
    const { page } = world;
    await choose(page, "factory", "Departments");
    const dialog = page.getByRole("dialog", { name: "Departments of factory" });
    const list = dialog.getByRole("list", { name: "Departments" });
    await list.getByText("There are none").waitFor();
    const names = ["assembly", "paint", "press", "shipping", "tools"];
    const field = dialog.getByLabel("New department");
    // Nobody has to wait for the list before the next is typed.
    const pattern = /\/api\/v1\/organizations(\?|$)/;
    let show;
    const held = new Promise((resolve) => {
      show = resolve;
    });
    await page.route(pattern, async (route) => {
      await held;
      await route.continue();
    });
    for (const name of names) {
      await field.fill(name);
      await page.keyboard.press("Enter");
      await until(`${name} is taken`, async () => (await field.inputValue()) === "");
    }
    show();
    for (const name of names) {
      await list.getByText(name, { exact: true }).waitFor();
    }
    await page.unroute(pattern);
    await field.fill("paint");
    await page.keyboard.press("Enter");
    await dialog.getByRole("alert").getByText("Choose another name").waitFor();
    await accessible(page, "the dialog for departments");
    await world.screenshot("departments");
    await dialog.getByRole("button", { name: "Done" }).click();
    await row(page, "factory").getByText("assembly, paint, press, shipping and 1 more").waitFor();
  },

  "editing renames it and switches the renewal of credentials": async (world) => {
    const { page } = world;
    await choose(page, "factory", "Edit");
    const dialog = page.getByRole("dialog", { name: "Edit factory" });
    await dialog.getByLabel("Name").fill("plant");
    await dialog.getByRole("switch", { name: "Agents renew their credentials" }).uncheck();
    await accessible(page, "the dialog to edit an organization");
    await world.screenshot("edit-organization");
    await dialog.getByRole("button", { name: "Save" }).click();
    await row(page, "plant").getByText("Off", { exact: true }).waitFor();
    await row(page, "factory").waitFor({ state: "hidden" });
  },

  "the search finds organizations and departments": async ({ page }) => {
    await page.goto("/organizations");
    await row(page, "default").waitFor();
    await page.getByRole("searchbox").fill("SHIP");
    await row(page, "default").waitFor({ state: "hidden" });
    assert.ok(await row(page, "plant").isVisible());
    await until("the search is in the address", () => page.url().includes("q=SHIP"));
    await page.getByRole("searchbox").fill("nothing");
    await page.getByText("No organization or department matches").waitFor();
    await page.getByText("Clear search").click();
    await row(page, "default").waitFor();
  },

  "from an organization to its agents and to what was done with it": async ({ page }) => {
    await choose(page, "default", "Agents");
    await page.getByRole("link", { name: "e2e-1" }).waitFor();
    assert.match(page.url(), /filter=organization:default/);
    await page.goto("/organizations");
    await choose(page, "plant", "View audit");
    await page.getByRole("row").nth(1).getByText("organization_update").waitFor();
  },

  "who manages one organization edits that one only": async (world) => {
    await addUser(world.page, PLANT);
    const { context, page } = await openAs(world, PLANT);
    await page.goto("/organizations");
    await row(page, "plant").waitFor();
    const add = page.getByRole("button", { name: "Add organization" });
    await until("it is disabled", async () => (await add.getAttribute("aria-disabled")) === "true");
    await add.hover();
    await page.getByRole("tooltip").getByText("for the whole tenant").waitFor();
    await page.getByRole("button", { name: "Actions for default" }).click();
    await page.getByRole("menuitem", { name: /^Edit/ }).getByText("for this organization").waitFor();
    await world.screenshot("organizations-as-administrator", page);
    await page.getByRole("menuitem", { name: "Departments" }).click();
    const others = page.getByRole("dialog", { name: "Departments of default" });
    await others.getByText("for this organization").waitFor();
    assert.ok(await others.getByRole("button", { name: "Add department" }).isDisabled());
    await others.getByRole("button", { name: "Done" }).click();
    await choose(page, "plant", "Departments");
    const own = page.getByRole("dialog", { name: "Departments of plant" });
    await own.getByLabel("New department").fill("yard");
    await page.keyboard.press("Enter");
    await own.getByText("yard", { exact: true }).waitFor();
    await context.close();
  },

  "tenants are told apart where there are several": async (world) => {
    const { page } = world;
    const pattern = /\/api\/v1\/organizations\?/;
    await page.route(pattern, async (route) => {
      const response = await route.fetch();
      const body = await response.json();
      const other = { id: 999, tenant_id: 77, name: "elsewhere", renew_credentials: true, departments: [] };
      await route.fulfill({ response, json: { ...body, items: [...body.items, other] } });
    });
    await page.goto("/organizations?group=tenant");
    await page.getByRole("button", { name: /Tenant:\s*77/ }).waitFor();
    await page.getByRole("columnheader", { name: "Tenant" }).waitFor();
    await page.unroute(pattern);
  },
};
