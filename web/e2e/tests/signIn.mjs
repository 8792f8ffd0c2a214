import { assert, tabTo, until } from "../expect.mjs";

export default {
  "a page behind the sign-in leads to it": async ({ page }) => {
    await page.goto("/jobs?filter=state:running");
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.match(page.url(), /\/sign-in\?return=/);
  },

  "a wrong password is refused in the server's words": async ({ page }) => {
    await page.getByLabel("User name").fill("admin");
    await page.getByLabel("Password", { exact: true }).fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").getByText("User name or password is wrong").waitFor();
    assert.equal(await page.getByLabel("Password", { exact: true }).inputValue(), "");
  },

  "sign-in by keyboard goes back to where it was asked for": async ({ page, user, password }) => {
    await page.goto("/jobs?filter=state:running");
    const name = page.getByLabel("User name");
    await name.waitFor();
    await until("the first input has the focus", () =>
      name.evaluate((element) => element === document.activeElement),
    );
    await page.keyboard.type(user);
    await tabTo(page, page.getByLabel("Password", { exact: true }));
    await page.keyboard.type(password);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Jobs" }).waitFor();
    assert.match(page.url(), /\/jobs\?filter=state:running$/);
  },

  "too many tries are told to wait": async (world) => {
    const context = await world.newContext();
    const page = await context.newPage();
    await page.goto("/sign-in");
    const waiting = page.getByRole("button", { name: /^Wait \d+ s$/ });
    await until(
      "a try is refused for its number",
      async () => {
        if (await waiting.isVisible()) {
          return true;
        }
        // Another name than the one other tests sign in with; the address has an allowance as well.
        await page.getByLabel("User name").fill("nobody");
        await page.getByLabel("Password", { exact: true }).fill("wrong");
        await page.getByRole("button", { name: "Sign in" }).click({ timeout: 1_000 });
        await page.getByRole("alert").waitFor();
        return false;
      },
      60_000,
    );
    await page
      .getByRole("alert")
      .getByText(/Try again in \d+ s/)
      .waitFor();
    await world.screenshot("sign-in-limited", page);
    await until("the wait is over", async () => !(await waiting.isVisible()), 60_000);
    await context.close();
  },
};
