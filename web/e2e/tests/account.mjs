import { accessible, assert, tabTo, until } from "../expect.mjs";
import { addUser, openAs } from "../people.mjs";

const OTTO = {
  user: "otto",
  password: "a-long-enough-password",
  role: "administrator",
  at: "Whole tenant",
};
const GRETA = {
  user: "greta",
  password: "a-long-enough-password",
  role: "auditor",
  at: "Organization plant",
};
const NEW_PASSWORD = "an-even-longer-password";

/** From the menu at the foot of the navigation, by keyboard. */
async function openAccount(page) {
  await tabTo(page, page.getByRole("button", { name: /^Account of/ }));
  await page.keyboard.press("Enter");
  const item = page.getByRole("menuitem", { name: "Account" });
  await item.waitFor();
  await until("the item has the focus", async () => {
    await page.keyboard.press("ArrowDown");
    return item.evaluate((element) => element === document.activeElement);
  });
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Account", exact: true }).waitFor();
}

export default {
  "shows who is signed in, their roles and where they hold": async (world) => {
    const { page } = world;
    await addUser(page, GRETA);
    const theirs = await openAs(world, GRETA);
    await openAccount(theirs.page);
    await theirs.page.getByRole("region", { name: "You" }).getByText("greta").waitFor();
    const roles = theirs.page.getByRole("list", { name: "Roles" });
    await roles.getByText("Auditor at Organization plant").waitFor();
    await roles.getByText("Read the audit trail").waitFor();
    assert.equal(await roles.getByText("Manage users").count(), 0);
    await accessible(theirs.page, "the account of an auditor");
    await world.screenshot("account-as-auditor", theirs.page);
    await theirs.page.getByRole("link", { name: "API tokens" }).last().click();
    await theirs.page.getByText("There are no API tokens").waitFor();
    await theirs.context.close();
  },

  "a role given meanwhile is there": async (world) => {
    const { context, page } = await openAs(world, GRETA);
    await world.page.goto("/users");
    await world.page.getByRole("button", { name: "Actions for greta" }).click();
    await world.page.getByRole("menuitem", { name: "Roles" }).click();
    const dialog = world.page.getByRole("dialog", { name: "Roles of greta" });
    await dialog.getByLabel("Role", { exact: true }).selectOption("approver");
    await dialog.getByLabel("At", { exact: true }).selectOption({ label: "Department plant / paint" });
    await dialog.getByRole("button", { name: "Give role" }).click();
    await dialog.getByRole("button", { name: /^Take away Approver/ }).waitFor();
    await openAccount(page);
    await page.getByText("Approver at Department plant / paint").waitFor();
    await context.close();
  },

  "one's own password is changed, and signs in": async (world) => {
    await addUser(world.page, OTTO);
    const { context, page } = await openAs(world, OTTO);
    await page.goto("/account");
    await page.getByRole("list", { name: "Roles" }).getByText("Administrator at Whole tenant").waitFor();
    await page.getByRole("button", { name: "Change password" }).click();
    const dialog = page.getByRole("dialog", { name: "New password" });
    const current = dialog.getByLabel("Current password").first();
    const field = dialog.getByLabel("New password").first();
    await current.fill("not the password");
    await field.fill("short");
    await page.keyboard.press("Enter");
    await dialog.getByText("must have 12 characters").waitFor();
    await field.fill(NEW_PASSWORD);
    await page.keyboard.press("Enter");
    await dialog.getByText("is not your password").waitFor();
    await current.fill(OTTO.password);
    await accessible(page, "the dialog for one's own password");
    await world.screenshot("own-password", page);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.getByLabel("User name").fill(OTTO.user);
    await page.getByLabel("Password", { exact: true }).fill(OTTO.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").getByText("User name or password is wrong").waitFor();
    await page.getByLabel("Password", { exact: true }).fill(NEW_PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Account", exact: true }).waitFor();
    await context.close();
  },

  "roles that cannot be loaded are tried again": async ({ page }) => {
    const pattern = /\/api\/v1\/roles/;
    await page.route(pattern, (route) => route.fulfill({ status: 500, body: "" }));
    await page.goto("/account");
    await page.getByRole("alert").waitFor();
    await page.unroute(pattern);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("list", { name: "Roles" }).getByText("Site administrator").waitFor();
  },

  "a session that has ended leads to the sign-in and back": async ({ page, context, user, password }) => {
    await page.goto("/jobs/new");
    await page.getByLabel("Code").waitFor();
    await context.clearCookies();
    await page.getByRole("button", { name: /^Account of/ }).click();
    await page.getByRole("menuitem", { name: "Account" }).click();
    await page.getByText("Your session has ended").waitFor();
    await page.getByLabel("User name").fill(user);
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Account", exact: true }).waitFor();
  },
};
