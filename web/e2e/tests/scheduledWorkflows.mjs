import { call, makeWorkflow, workflowNamed } from "../api.mjs";
import { accessible, assert } from "../expect.mjs";
import { inLightAndDark } from "../looks.mjs";

const LIMIT_MS = 30_000;
const NAME = "waits-and-ends";

const SOURCE = `inputs:
  - {name: what, type: string, required: true}
  - {name: token, type: secret, required: true}
steps:
  - {id: rest, type: delay, seconds: 1}
  - {id: check, type: conditional, condition: inputs.what == "moon", on_true: completed, on_false: failed}
`;

const button = (page, name) => page.getByRole("button", { name, exact: true });

export default {
  "a schedule starts a workflow with its inputs": async (world) => {
    const { page } = world;
    if ((await page.request.get("/api/v1/session")).status() !== 200) {
      await world.signIn(page);
    }
    await makeWorkflow(page, NAME, SOURCE);
    await call(page, "POST", "/api/v1/workflows", { name: "never-published", source: SOURCE });
    await page.goto("/schedules/new");
    await page.getByRole("textbox", { name: "Name" }).fill("moonwards");
    await page.getByLabel("Cron expression").fill("0 3 * * *");
    await page.getByText("Workflow", { exact: true }).click();
    await button(page, "Create schedule").click();
    await page.getByRole("alert").getByText("Choose the workflow to run").waitFor();
    const which = page
      .getByRole("textbox", { name: /^Workflow/ })
      .or(page.getByRole("combobox", { name: /^Workflow/ }))
      .first();
    await which.fill("never");
    const option = page.getByRole("option", { name: "never-published (not published)" });
    await option.waitFor();
    assert.equal(await option.getAttribute("data-combobox-disabled"), "true");
    await which.fill(NAME);
    await page.getByRole("option", { name: NAME }).click();
    await page.getByRole("textbox", { name: "what" }).fill("moon");
    await button(page, "Create schedule").click();
    await page.getByRole("alert").getByText("Give “token”").waitFor();
    await page.getByLabel("token").fill("s3cret-of-a-schedule");
    await inLightAndDark(world, page, "schedule-workflow-new");
    await button(page, "Create schedule").click();
    await page.getByRole("heading", { name: "moonwards" }).waitFor();
    await page
      .getByRole("region", { name: "Workflow", exact: true })
      .getByRole("link", { name: NAME })
      .waitFor();
    assert.equal(await page.getByRole("region", { name: "Hosts", exact: true }).count(), 0);
    assert.ok(!(await page.content()).includes("s3cret-of-a-schedule"));
  },

  "its ticks lead to the instances they started": async (world) => {
    const { page } = world;
    await button(page, "Run now").click();
    const dialog = page.getByRole("dialog", { name: "Run moonwards now" });
    await dialog.getByText("as the workflow says").waitFor();
    await dialog.getByRole("button", { name: "Run now" }).click();
    await page.getByText(/moonwards runs: instance \d+/).waitFor();
    const ticks = page.getByRole("region", { name: "Ticks" }).first();
    await ticks.getByRole("link", { name: /^Instance \d+$/ }).waitFor({ timeout: LIMIT_MS });
    await inLightAndDark(world, page, "schedule-workflow");
    await ticks.getByRole("link", { name: /^Instance \d+$/ }).click();
    const head = page.getByRole("main").locator("header").first();
    await head.getByText("Completed", { exact: true }).waitFor({ timeout: LIMIT_MS });
    await page
      .getByRole("table", { name: "Inputs" })
      .getByRole("row", { name: /what moon/ })
      .waitFor();
    await page.goto("/schedules");
    await page.getByRole("row", { name: new RegExp(`moonwards.*${NAME}`) }).waitFor();
  },

  "an input that is missing is marked in the form that starts it": async ({ page }) => {
    const { id } = await workflowNamed(page, NAME);
    await page.goto(`/workflows/${id}/run`);
    const what = page.getByRole("textbox", { name: "what" });
    const token = page.getByLabel("token");
    await what.waitFor();
    assert.notEqual(await what.getAttribute("aria-invalid"), "true", "nobody has tried yet");
    await button(page, "Run").click();
    await page.getByRole("alert").getByText("Give “what”").waitFor();
    for (const input of [what, token]) {
      assert.equal(await input.getAttribute("aria-invalid"), "true");
    }
    await what.fill("moon");
    assert.notEqual(await what.getAttribute("aria-invalid"), "true");
    await accessible(page, "a form with an input that is missing");
    await page.goto("/schedules");
  },

  "it is changed, and keeps its secret": async ({ page }) => {
    await page.getByRole("link", { name: "moonwards" }).click();
    await button(page, "Edit").click();
    await page.getByRole("textbox", { name: "what" }).waitFor();
    await page.getByText("Kept; left empty, it stays.").waitFor();
    await accessible(page, "the form of a schedule for a workflow");
    await page.getByLabel("Cron expression").fill("0 4 * * *");
    await button(page, "Save").click();
    await page.getByText("moonwards is saved").waitFor();
    await page.getByText("0 4 * * *").first().waitFor();
  },
};
