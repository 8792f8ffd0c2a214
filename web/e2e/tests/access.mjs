import { accessible, assert, until } from "../expect.mjs";
import { addUser, cover, signInAgain } from "../people.mjs";

const OLGA = { user: "olga", password: "a-long-enough-password" };
const ANNA = { user: "anna", password: "a-long-enough-password" };

async function callWith(page, secret) {
  return page.request
    .get("/api/v1/session", { headers: { Authorization: `Bearer ${secret}` }, ignoreHTTPSErrors: true })
    .then((response) => response.status());
}

async function addressOfAction(page) {
  const list = await page.request.get("/api/v1/actions?filter=name:greet");
  return `/actions/${(await list.json()).items[0].id}`;
}

async function revokeTheOnly(page, token) {
  await page.getByRole("button", { name: `Actions for ${token}` }).click();
  await page.getByRole("menuitem", { name: "Revoke" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByText("There are no API tokens").waitFor();
}

export default {
  "a user is added with a role": async (world) => {
    const { page } = world;
    await page.goto("/users");
    await page.getByRole("button", { name: "Add user" }).click();
    const dialog = page.getByRole("dialog", { name: "Add a user" });
    await dialog.getByLabel("User name").fill(ANNA.user);
    await dialog.getByLabel("Password", { exact: false }).first().fill("short");
    await dialog.getByRole("button", { name: "Add user" }).click();
    await dialog
      .getByText(/12 characters/)
      .first()
      .waitFor();
    await dialog.getByLabel("Password", { exact: false }).first().fill(ANNA.password);
    await dialog.getByLabel("Role", { exact: true }).selectOption("auditor");
    await dialog.getByLabel("At", { exact: true }).selectOption({ label: "Whole tenant" });
    await dialog.getByRole("button", { name: "Give role" }).click();
    await accessible(page, "the dialog for a user");
    await world.screenshot("add-user");
    await dialog.getByRole("button", { name: "Add user" }).click();
    await page.getByRole("row", { name: /anna/ }).getByText("Auditor (Whole tenant)").waitFor();
  },

  "who may only look finds everything else disabled, with the reason": async (world) => {
    const context = await world.newContext();
    const page = await context.newPage();
    await world.signIn(page, ANNA.user, ANNA.password);
    await page.getByRole("link", { name: "e2e-1" }).waitFor();
    const add = page.getByRole("button", { name: "Add agent" });
    assert.equal(await add.getAttribute("aria-disabled"), "true");
    await add.hover();
    await page.getByRole("tooltip").getByText("agents.install").waitFor();
    await page.getByRole("button", { name: "Actions for e2e-1" }).click();
    await page.getByRole("menuitem", { name: /^Edit/ }).getByText("agents.manage").waitFor();
    await world.screenshot("agents-as-auditor", page);
    await page.goto("/schedules");
    const schedule = page.getByRole("button", { name: "New schedule" });
    assert.equal(await schedule.getAttribute("aria-disabled"), "true");
    await page.getByRole("button", { name: "Actions for workdays" }).click();
    for (const name of [/^Run now/, /^Pause/, /^Resume/, /^Edit/, /^Delete/]) {
      await page.getByRole("menuitem", { name }).getByText("jobs.manage").waitFor();
    }
    await page.goto("/schedules/new");
    await page.getByText("You cannot make schedules").waitFor();
    await page.goto("/actions");
    assert.equal(
      await page.getByRole("button", { name: "New action" }).getAttribute("aria-disabled"),
      "true",
    );
    await page.getByRole("button", { name: "Actions for greet" }).click();
    for (const name of [/^Run/, /^Try the draft/, /^Schedule/, /^Edit/, /^Deploy/, /^Clone/, /^Delete/]) {
      await page.getByRole("menuitem", { name }).getByText("jobs.manage").waitFor();
    }
    for (const [path, said] of [
      ["/actions/new", "You cannot make actions"],
      [`${await addressOfAction(page)}/edit`, "It cannot be edited"],
      [`${await addressOfAction(page)}/run`, "It cannot be run"],
    ]) {
      await page.goto(path);
      await page.getByText(said).waitFor();
    }
    await context.close();
  },

  "switching a user off ends the session at once": async (world) => {
    const context = await world.newContext();
    const theirs = await context.newPage();
    await world.signIn(theirs, ANNA.user, ANNA.password);
    await theirs.getByRole("link", { name: "e2e-1" }).waitFor();
    const { page } = world;
    await page.goto("/users");
    await page.getByRole("button", { name: "Actions for anna" }).click();
    await page.getByRole("menuitem", { name: "Switch off" }).click();
    await page.getByRole("row", { name: /anna/ }).getByText("No", { exact: true }).waitFor();
    await theirs.getByText("Your session has ended").waitFor();
    await context.close();
  },

  "roles are given and taken away": async ({ page }) => {
    await page.getByRole("button", { name: "Actions for anna" }).click();
    await page.getByRole("menuitem", { name: "Roles" }).click();
    const dialog = page.getByRole("dialog", { name: "Roles of anna" });
    await dialog.getByLabel("Role", { exact: true }).selectOption("operator");
    await dialog.getByRole("button", { name: "Give role" }).click();
    await dialog.getByRole("button", { name: /^Take away Operator/ }).waitFor();
    await dialog.getByRole("button", { name: /^Take away Auditor/ }).click();
    await dialog.getByRole("button", { name: /^Take away Auditor/ }).waitFor({ state: "hidden" });
    await dialog.getByRole("button", { name: "Done" }).click();
  },

  "an API token is shown once, works, and is revoked": async (world) => {
    const { page } = world;
    await page.goto("/tokens");
    await page.getByText("There are no API tokens").waitFor();
    await page.getByRole("button", { name: "Create token" }).first().click();
    const form = page.getByRole("dialog", { name: "Create an API token" });
    await form.getByLabel("Name", { exact: false }).first().fill("ci");
    await form.getByRole("radio", { name: "Only these" }).check();
    await form.getByRole("checkbox", { name: /See agents/ }).check();
    await accessible(page, "the dialog for a token");
    await form.getByRole("button", { name: "Create token" }).click();
    const shown = page.getByRole("dialog", { name: "Token ci" });
    const secret = await shown.getByRole("group", { name: "Secret" }).innerText();
    assert.match(secret, /^pst_/);
    await world.screenshot("token-created");
    await shown.getByRole("button", { name: "Done" }).click();
    assert.equal(await callWith(page, secret), 200);
    assert.ok(!(await page.content()).includes(secret), "the secret is gone from the page");
    await page.getByRole("row", { name: /ci/ }).getByText("agents.view").waitFor();
    await revokeTheOnly(page, "ci");
    await until("the token is refused", async () => (await callWith(page, secret)) === 401);
  },

  "a lost session leads back to the same place": async ({ page, context, user, password }) => {
    await page.goto("/jobs?filter=state:completed&group=agent");
    await page.getByRole("heading", { name: "Jobs", exact: true }).waitFor();
    await context.clearCookies();
    await page.getByText("Your session has ended").waitFor();
    await page.getByLabel("User name").fill(user);
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Jobs", exact: true }).waitFor();
    assert.match(page.url(), /\/jobs\?filter=state:completed&group=agent$/);
  },

  "a second user is added, to take the place of the first": async ({ page }) => {
    await addUser(page, { ...OLGA, role: "auditor", at: "Whole tenant" });
  },

  "what somebody has begun with in a dialog outlives the session": async (world) => {
    const { page, context, password } = world;
    await page.goto("/tokens");
    await page.getByRole("button", { name: "Create token" }).first().click();
    const form = page.getByRole("dialog", { name: "Create an API token" });
    await form.getByLabel("Name", { exact: false }).first().fill("late");
    await context.clearCookies();
    await cover(page).waitFor();
    await accessible(page, "signing in over a dialog");
    await page.keyboard.press("Escape");
    await signInAgain(page, password);
    assert.equal(await form.getByLabel("Name", { exact: false }).first().inputValue(), "late");
    await form.getByRole("button", { name: "Create token" }).click();
    await page.getByRole("dialog", { name: "Token late" }).getByRole("button", { name: "Done" }).click();
    await revokeTheOnly(page, "late");
  },

  "somebody else who signs in gets nothing of it": async (world) => {
    const { page, context, user, password } = world;
    await page.getByRole("button", { name: "Create token" }).first().click();
    const form = page.getByRole("dialog", { name: "Create an API token" });
    await form.getByLabel("Name", { exact: false }).first().fill("mine");
    await context.clearCookies();
    await cover(page).getByLabel("User name").fill(OLGA.user);
    await cover(page).getByLabel("Password", { exact: true }).fill(OLGA.password);
    await cover(page).getByRole("button", { name: "Sign in" }).click();
    const other = page.getByRole("dialog", { name: "olga is signed in now" });
    await other.getByText("Sign in as admin to go on").waitFor();
    await world.screenshot("signed-in-as-another");
    await other.getByRole("button", { name: "Drop it, and go on as olga" }).click();
    await form.waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Account of olga" }).waitFor();
    await context.clearCookies();
    await page.getByText("Your session has ended").waitFor();
    await world.signIn(page, user, password);
  },
};
