import { accessible, assert, until } from "../expect.mjs";

export default {
  "the chain is verified": async (world) => {
    const { page } = world;
    await page.goto("/audit");
    await page.getByRole("button", { name: "Verify chain" }).click();
    await page.getByText("The chain is intact").waitFor();
    await page.getByText(/\d+ records checked/).waitFor();
    await world.screenshot("audit-verified");
    await page.getByRole("button", { name: "Close the result" }).click();
  },

  "filters and details": async (world) => {
    const { page } = world;
    await page.goto("/audit?filter=action:agent_update");
    const record = page.getByRole("button", { name: /^Record \d+$/ }).first();
    await record.waitFor();
    const actions = await page.locator("td[data-column=action]").allInnerTexts();
    assert.deepEqual([...new Set(actions)], ["agent_update"]);
    await record.click();
    const drawer = page.getByRole("dialog", { name: /^Record \d+$/ });
    await drawer.getByRole("columnheader", { name: "Before" }).waitFor();
    await drawer.getByText("site").first().waitFor();
    await accessible(page, "the details of a record");
    await world.screenshot("audit-record");
    await page.keyboard.press("Escape");
    await drawer.waitFor({ state: "hidden" });
    await until("the focus is back at the record", () =>
      record.evaluate((element) => element === document.activeElement),
    );
  },

  "refusals are there, too": async ({ page }) => {
    await page.goto("/audit?filter=outcome:refused");
    await page.getByRole("row").nth(1).getByText("Refused").waitFor();
  },

  "from an agent to what was done with it": async ({ page }) => {
    await page.goto("/agents");
    await page.getByRole("button", { name: "Actions for e2e-2" }).click();
    await page.getByRole("menuitem", { name: "View audit" }).click();
    await page.getByRole("heading", { name: "Audit" }).waitFor();
    await page.getByRole("row").nth(1).getByText("agent_update").waitFor();
  },
};
