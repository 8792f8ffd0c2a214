import { readFile } from "node:fs/promises";
import { accessible, assert, until } from "../expect.mjs";

/** Creates an agent in the dialog and gives its enrolment token. */
export async function addAgent(page, name, labels = {}) {
  await page.goto("/agents");
  await page.getByRole("button", { name: "Add agent" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Add an agent" });
  await dialog.getByLabel("Name", { exact: false }).first().fill(name);
  for (const [key, value] of Object.entries(labels)) {
    await dialog.getByRole("button", { name: "Add a label" }).click();
    await dialog.getByRole("textbox", { name: "Label", exact: true }).last().fill(key);
    await dialog.getByRole("textbox", { name: `Value of ${key}` }).fill(value);
  }
  await dialog.getByRole("button", { name: "Add agent" }).click();
  const started = page.getByRole("dialog", { name: `Start ${name}` });
  await started.getByText("Waiting for the agent…").waitFor();
  return {
    dialog: started,
    token: await started.getByRole("group", { name: "Enrolment token" }).innerText(),
  };
}

/** For suites that may run alone: signed in, and this agent runs. */
export async function ready(world, name) {
  const { page } = world;
  if ((await page.request.get("/api/v1/session")).status() !== 200) {
    await world.signIn(page);
  }
  if (!world.agents.has(name)) {
    const { dialog, token } = await addAgent(page, name);
    world.startAgent(name, token);
    await dialog.getByRole("status").getByText("Running").waitFor({ timeout: 60_000 });
  }
}

export default {
  "without agents the page says what to do": async (world) => {
    await world.page.goto("/agents");
    await world.page.getByText("There are no agents yet").waitFor();
    await world.screenshot("agents-empty");
  },

  "a name that cannot be is refused at its field": async ({ page }) => {
    await page.getByRole("button", { name: "Add agent" }).first().click();
    const dialog = page.getByRole("dialog", { name: "Add an agent" });
    await dialog.getByLabel("Name", { exact: false }).first().fill("no spaces allowed");
    await dialog.getByRole("button", { name: "Add agent" }).click();
    await until("the field has an error", () =>
      dialog
        .getByLabel("Name", { exact: false })
        .first()
        .evaluate((input) => input.getAttribute("aria-invalid") === "true"),
    );
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
  },

  "an agent is added, started for real, and turns running by itself": async (world) => {
    const { page } = world;
    const { dialog, token } = await addAgent(page, "e2e-1", { env: "test", role: "web" });
    for (const command of ["Shell", "Docker", "Run"]) {
      const text = await dialog.getByRole("group", { name: command }).innerText();
      assert.ok(text.includes(token), `the ${command} command carries the token: ${text}`);
    }
    await accessible(page, "the dialog with the commands");
    await world.screenshot("add-agent-waiting");
    await dialog.getByRole("button", { name: "Copy Enrolment token" }).click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), token);
    world.startAgent("e2e-1", token);
    await dialog.getByRole("status").getByText("Running").waitFor({ timeout: 60_000 });
    await world.screenshot("add-agent-running");
    await dialog.getByRole("button", { name: "Done" }).click();
    const row = page.getByRole("row", { name: /e2e-1/ });
    await row.getByText("Running").waitFor();
    await row.getByText("Connected").waitFor();
    await row.getByText(/36\d days left/).waitFor();
  },

  "a second agent, and one that never comes": async (world) => {
    const { page } = world;
    const second = await addAgent(page, "e2e-2", { env: "test" });
    world.startAgent("e2e-2", second.token);
    await second.dialog.getByRole("status").getByText("Running").waitFor({ timeout: 60_000 });
    await addAgent(page, "ghost", { env: "nowhere" });
    await page.goto("/agents");
    await page.getByRole("row", { name: /ghost/ }).getByText("Pending").waitFor();
  },

  "search, filter and group stand in the address and survive a reload": async ({ page }) => {
    await page.goto("/agents");
    await page.getByRole("link", { name: "ghost" }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("e2e");
    await page.getByRole("link", { name: "ghost" }).waitFor({ state: "hidden" });
    await until("the search is in the address", () => page.url().includes("q=e2e"));
    await page.getByRole("searchbox").press("Escape");
    await page.getByRole("link", { name: "ghost" }).waitFor();
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByRole("menuitem", { name: "Connection" }).click();
    await page.getByRole("checkbox", { name: "Connected", exact: true }).check();
    await page.getByRole("link", { name: "ghost" }).waitFor({ state: "hidden" });
    await page.keyboard.press("Escape");
    await page.getByLabel("Group by").selectOption("health");
    await page.getByRole("button", { name: /Health:\s*Running/ }).waitFor();
    assert.match(page.url(), /filter=connection:connected/);
    assert.match(page.url(), /group=health/);
    await page.reload();
    await page.getByRole("button", { name: /Health:\s*Running.*2 rows/ }).waitFor();
    await page.getByRole("button", { name: "Remove filter Connection" }).click();
    await page.getByRole("link", { name: "ghost" }).waitFor();
  },

  "columns are hidden, moved, and remembered for the user": async ({ page }) => {
    await page.goto("/agents");
    await page.getByRole("columnheader", { name: "Department" }).waitFor();
    await page.getByRole("button", { name: "Columns" }).click();
    await page.getByRole("checkbox", { name: "Department" }).uncheck();
    await page.getByRole("button", { name: "Move OS up" }).click();
    await page.keyboard.press("Escape");
    await page.getByRole("columnheader", { name: "Department" }).waitFor({ state: "hidden" });
    await page.goto("/agents");
    await page.getByRole("columnheader", { name: "Name" }).waitFor();
    assert.equal(await page.getByRole("columnheader", { name: "Department" }).count(), 0);
    const heads = await page.getByRole("columnheader").allInnerTexts();
    assert.ok(heads.indexOf("OS") < heads.indexOf("Last seen"), heads.join());
    await page.getByRole("button", { name: "Columns" }).click();
    await page.getByRole("button", { name: "Back to the standard columns" }).click();
    await page.getByRole("columnheader", { name: "Department" }).waitFor();
    await page.keyboard.press("Escape");
  },

  "the export has every row": async ({ page }) => {
    await page.goto("/agents");
    await page.getByRole("link", { name: "ghost" }).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Export CSV" }).click(),
    ]);
    const lines = (await readFile(await download.path(), "utf8")).trim().split("\r\n");
    assert.equal(lines.length, 4);
    assert.match(lines[0], /^\uFEFF?Name,Organization,/);
    assert.deepEqual(
      lines.slice(1).map((line) => line.split(",")[0]),
      ["e2e-1", "e2e-2", "ghost"],
    );
  },

  "editing changes labels, and what cannot be done says why": async ({ page }) => {
    await page.goto("/agents");
    await page.getByRole("button", { name: "Actions for e2e-2" }).click();
    const remove = page.getByRole("menuitem", { name: /^Delete/ });
    await remove.getByText("Its credential is live: use revoke and delete").waitFor();
    await page.getByRole("menuitem", { name: "Edit" }).click();
    const dialog = page.getByRole("dialog", { name: "Edit e2e-2" });
    await dialog.getByRole("button", { name: "Add a label" }).click();
    await dialog.getByRole("textbox", { name: "Label", exact: true }).last().fill("site");
    await dialog.getByRole("textbox", { name: "Value of site" }).fill("fra");
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByRole("row", { name: /e2e-2/ }).getByText("site=fra").waitFor();
  },

  "an agent that never started is deleted at once": async ({ page }) => {
    await addAgent(page, "mistake");
    await page.goto("/agents");
    await page.getByRole("button", { name: "Actions for mistake" }).click();
    await page.getByRole("menuitem", { name: /^Delete/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("link", { name: "mistake" }).waitFor({ state: "hidden" });
  },
};
