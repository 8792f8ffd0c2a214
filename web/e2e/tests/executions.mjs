import { accessible, assert, until } from "../expect.mjs";

const head = (page) => page.getByRole("main").locator("header").first();

async function shellLine(page, line) {
  await page.getByText("Command", { exact: true }).click();
  await page.getByText("Shell line", { exact: true }).click();
  await page.getByRole("textbox", { name: "Line" }).fill(line);
}

export default {
  "a host group is made, previewed, and used": async (world) => {
    const { page } = world;
    await page.goto("/groups");
    await page.getByText("There are no host groups yet").waitFor();
    await page.getByRole("button", { name: "Add host group" }).first().click();
    const dialog = page.getByRole("dialog", { name: "Add a host group" });
    await dialog.getByLabel("Name", { exact: false }).first().fill("testers");
    await dialog.getByRole("button", { name: "Add host group" }).click();
    await dialog.getByRole("alert").getByText("Choose hosts").waitFor();
    await dialog.getByRole("textbox", { name: "Label selector" }).fill("env in (test");
    await dialog.getByText("No hosts", { exact: true }).waitFor();
    await dialog.getByRole("textbox", { name: "Label selector" }).fill("env in (test),!canary");
    await dialog.getByText("3 hosts", { exact: true }).waitFor();
    await accessible(page, "the dialog for a host group");
    await world.screenshot("group-dialog");
    await dialog.getByRole("button", { name: "Add host group" }).click();
    await dialog.waitFor({ state: "hidden" });
    await page
      .getByRole("row", { name: /^testers/ })
      .getByText("env=test,!canary")
      .waitFor();
    await page.getByRole("button", { name: "Actions for testers" }).click();
    await page.getByRole("menuitem", { name: "Run a job" }).click();
    await page.getByText("3 hosts", { exact: true }).waitFor();
  },

  "batches, one after the other, and a stop when one fails": async (world) => {
    const { page } = world;
    await shellLine(page, "echo $PWD; false");
    await page.getByLabel("In batches, one after the other").check();
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByRole("alert").getByText("Give the size of a batch").waitFor();
    await page.getByRole("textbox", { name: "Batch" }).fill("1");
    await page.getByRole("textbox", { name: "Stop after" }).fill("1");
    await page.getByRole("button", { name: "Preview" }).click();
    const preview = page.getByRole("region", { name: "Preview", exact: true });
    await preview.getByRole("cell", { name: "3", exact: true }).waitFor();
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByRole("heading", { name: /^Execution \d+$/ }).waitFor();
    await page
      .getByRole("img", { name: "Jobs by state: 1 failed, 2 cancelled" })
      .waitFor({ timeout: 60_000 });
    await page.getByRole("alert").getByText("Stopped before its end").waitFor();
    await page.getByText(/Rolling: stopped in batch 1 of 3/).waitFor();
    await accessible(page, "an execution that stopped");
    await world.screenshot("execution-stopped");
  },

  "its jobs are filtered by outcome, and the filter is in the address": async ({ page }) => {
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByRole("menuitem", { name: "State" }).click();
    await page.getByRole("checkbox", { name: "Failed", exact: true }).check();
    const rows = page.getByRole("table", { name: "Jobs of the execution" }).getByRole("row");
    await until("only the failed one is there", async () => (await rows.count()) === 2);
    assert.match(page.url(), /filter=state:failed/);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Remove filter State" }).click();
    await until("all are there", async () => (await rows.count()) === 4);
  },

  "a pause between batches is said, and all is cancelled": async (world) => {
    const { page } = world;
    await page.goto("/jobs/new?group=testers");
    await shellLine(page, "echo one batch");
    await page.getByLabel("In batches, one after the other").check();
    await page.getByRole("textbox", { name: "Batch" }).fill("1");
    await page.getByLabel("Pause in seconds").fill("600");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page
      .getByRole("img", { name: "Jobs by state: 1 completed, 2 queued" })
      .waitFor({ timeout: 60_000 });
    await page.getByText(/The next batch begins in/).waitFor();
    await world.screenshot("execution-paused");
    await page.getByRole("button", { name: "Cancel all" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel all" }).click();
    await page.getByRole("img", { name: "Jobs by state: 1 completed, 2 cancelled" }).waitFor();
    await page.getByRole("button", { name: "Cancel all" }).hover();
    await page.getByRole("tooltip").getByText("All of its jobs are over").waitFor();
    await head(page).getByText("Cancelled", { exact: true }).waitFor();
  },

  "what failed is retried in the same execution": async ({ page }) => {
    await page.goto("/executions");
    await page.getByRole("row", { name: /false/ }).getByRole("link").first().click();
    await page.getByRole("button", { name: "Retry failed" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Retry failed" }).click();
    await page.getByText("1 job: queued once more").waitFor();
    await page
      .getByRole("img", { name: "Jobs by state: 1 failed, 2 cancelled" })
      .waitFor({ timeout: 60_000 });
  },

  "jobs are filtered by execution and by time": async ({ page }) => {
    await page.goto("/executions");
    const first = await page.getByRole("table", { name: "Executions" }).getByRole("link").first().innerText();
    await page.goto(`/jobs?filter=execution:${first}`);
    const rows = page.getByRole("table", { name: "Jobs" }).getByRole("row");
    await until("three jobs and the head", async () => (await rows.count()) === 4);
    await page.goto("/jobs?filter=created_from:2099-01-01T00:00:00Z");
    await page.getByText("No job matches").waitFor();
  },

  "a host group is edited and deleted": async ({ page }) => {
    await page.goto("/groups");
    await page.getByRole("button", { name: "Actions for testers" }).click();
    await page.getByRole("menuitem", { name: "Edit" }).click();
    const dialog = page.getByRole("dialog", { name: "Edit testers" });
    await dialog.getByLabel("Description").fill("Those that test");
    await dialog.getByRole("button", { name: "Save" }).click();
    await page
      .getByRole("row", { name: /^testers/ })
      .getByText("Those that test")
      .waitFor();
  },
};
