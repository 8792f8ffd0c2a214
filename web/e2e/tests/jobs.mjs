import { accessible, assert, tabTo, until } from "../expect.mjs";

/** Fills the run form by mouse and gives the number of the job. */
export async function runScript(page, host, code, language = "bash") {
  await page.goto(`/jobs/new?agent=${host}`);
  await page.getByLabel("Language").selectOption(language);
  await page.getByLabel("Code").fill(code);
  await page.getByRole("button", { name: "Run", exact: true }).click();
  return jobNumber(page);
}

export async function jobNumber(page) {
  await page.getByRole("heading", { name: /^Job \d+$/ }).waitFor();
  return Number(/\/jobs\/(\d+)/.exec(page.url())[1]);
}

export const output = (page) => page.getByRole("region", { name: "Output of the job" });
export const state = (page) => page.getByRole("main").locator("header");

async function runCommand(page, host, argv) {
  await page.goto(`/jobs/new?agent=${host}`);
  await page.getByText("Command", { exact: true }).click();
  for (const [index, argument] of argv.entries()) {
    if (index > 0) {
      await page.keyboard.press("Enter");
    }
    await page
      .getByRole("textbox", { name: index === 0 ? "Program" : `Argument ${index}`, exact: true })
      .fill(argument);
  }
  await page.getByRole("button", { name: "Run", exact: true }).click();
  return jobNumber(page);
}

export default {
  "by keyboard alone: choose a host, write a script, run it, and watch its output grow": async (world) => {
    const { page } = world;
    await page.goto("/jobs");
    await page.getByText("Nothing has been run yet").waitFor();
    await page.getByRole("button", { name: "Run" }).first().focus();
    await page.keyboard.press("Enter");
    const hosts = page
      .getByRole("textbox", { name: "Hosts" })
      .or(page.getByRole("combobox", { name: "Hosts" }));
    await hosts.first().waitFor();
    await tabTo(page, hosts.first());
    await page.keyboard.type("e2e-1");
    await page.getByRole("option", { name: /e2e-1/ }).getByText("Connected").waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByText("1 host", { exact: true }).waitFor();
    await tabTo(page, page.getByLabel("Code"));
    await page.keyboard.type(
      'for i in $(seq 1 6); do echo "line $i of $PARAM_TITLE"; sleep 1; done; echo bad >&2',
    );
    await tabTo(page, page.getByRole("button", { name: "Add a parameter" }));
    await page.keyboard.press("Enter");
    const name = page.getByRole("textbox", { name: "Name", exact: true });
    await until("the new row has the focus", () =>
      name.evaluate((element) => element === document.activeElement),
    );
    await page.keyboard.type("title");
    await page.keyboard.press("Tab");
    await page.keyboard.type("$(reboot)");
    await world.screenshot("run-filled");
    await tabTo(page, page.getByRole("button", { name: "Run", exact: true }));
    await page.keyboard.press("Enter");
    await jobNumber(page);
    await output(page).getByText("line 1 of $(reboot)").waitFor();
    assert.equal(await output(page).getByText("line 6 of").count(), 0, "the end is not there yet");
    await state(page).getByText("Running", { exact: true }).waitFor();
    await accessible(page, "a running job");
    await world.screenshot("job-running");
    await output(page).getByText("line 3 of").waitFor();
    await output(page).getByText("line 6 of").waitFor();
    await state(page).getByText("Completed", { exact: true }).waitFor();
    await output(page).getByText("bad").waitFor();
    await page.getByText("stderr 4 B").waitFor();
  },

  "streams can be looked at one by one, and downloaded as they are": async ({ page }) => {
    await page.getByText("stderr 4 B").click();
    await output(page).getByText("line 1 of").waitFor({ state: "hidden" });
    await output(page).getByText("bad").waitFor();
    assert.match(page.url(), /view=stderr/);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download raw stderr" }).click(),
    ]);
    const stream = await download.createReadStream();
    const text = (await stream.toArray()).join("");
    assert.equal(text, "bad\n");
  },

  "a long job is cancelled": async (world) => {
    const { page } = world;
    await runCommand(page, "e2e-1", ["sleep", "600"]);
    await state(page).getByText("Running", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /^Cancel job/ })
      .click();
    await state(page).getByText("Cancelled", { exact: true }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Cancel" }).getAttribute("aria-disabled"), "true");
    await page.getByRole("button", { name: "Cancel" }).hover();
    await page.getByRole("tooltip").getByText("It is cancelled").waitFor();
    await world.screenshot("job-cancelled");
  },

  "a failed job is retried; both attempts can be looked at": async ({ page }) => {
    await runScript(page, "e2e-1", "echo attempt $(date +%N); exit 3");
    await state(page).getByText("Failed", { exact: true }).waitFor();
    await page.getByText("3", { exact: true }).first().waitFor();
    const first = await output(page)
      .getByText(/^attempt \d+/)
      .innerText();
    await page.getByRole("button", { name: "Retry" }).click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /^Retry job/ })
      .click();
    const attempts = page.getByLabel("Attempt", { exact: true });
    await attempts.waitFor();
    await until(
      "the second attempt has ended",
      async () => (await attempts.locator("option").first().innerText()) === "Attempt 2: failed",
    );
    const second = await until("its output is another", async () => {
      const text = await output(page)
        .getByText(/^attempt \d+/)
        .innerText();
      return text !== first && text;
    });
    await attempts.selectOption("1");
    await output(page).getByText(first).waitFor();
    assert.notEqual(first, second);
    assert.match(page.url(), /attempt=1/);
  },

  "a job is deleted, and then it is not there": async ({ page }) => {
    const number = await jobNumber(page);
    await page.getByRole("button", { name: "Delete" }).click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /^Delete job/ })
      .click();
    await page.getByRole("heading", { name: "Jobs", exact: true }).waitFor();
    await page.goto(`/jobs/${number}`);
    await page.getByRole("alert").getByRole("button", { name: "Try again" }).waitFor();
  },

  "a job for an absent agent says why it waits": async (world) => {
    const { page } = world;
    await runCommand(page, "ghost", ["true"]);
    await state(page).getByText("Queued", { exact: true }).waitFor();
    await state(page).getByText("The agent is not connected").waitFor();
    await world.screenshot("job-waiting");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /^Cancel job/ })
      .click();
    await state(page).getByText("Cancelled", { exact: true }).waitFor();
  },

  "by labels: the hosts are counted, and the jobs of all of them are one execution": async ({ page }) => {
    await page.goto("/jobs/new");
    await page.getByRole("textbox", { name: "Label selector" }).fill("env=test");
    await page.getByText("2 hosts", { exact: true }).waitFor();
    await page.getByText("2 connected").waitFor();
    await page.getByText("Command", { exact: true }).click();
    await page.getByText("Shell line", { exact: true }).click();
    await page.getByRole("textbox", { name: "Line" }).fill("echo one | tr o 0");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByRole("heading", { name: /^Execution \d+$/ }).waitFor();
    await page.getByRole("img", { name: "Jobs by state: 2 completed" }).waitFor();
    const rows = page.getByRole("table", { name: "Jobs of the execution" }).getByRole("row");
    await until(
      "both are completed",
      async () => (await rows.filter({ hasText: "Completed" }).count()) === 2,
    );
  },

  "what the server refuses is shown at the field": async ({ page }) => {
    await page.goto("/jobs/new?agent=e2e-1");
    await page.getByLabel("Code").fill("echo");
    await page.getByLabel("Timeout in seconds").fill("99999999");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByText(/must be 1 to 604800/).waitFor();
    await page.getByLabel("Timeout in seconds").fill("60");
    await page.getByRole("button", { name: "Add a parameter" }).click();
    await page.getByRole("textbox", { name: "Name", exact: true }).fill("9lives");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page
      .getByRole("alert")
      .getByText(/9lives.*is not a parameter name/)
      .waitFor();
  },

  "variables of a command reach it, and are there again when it is run again": async (world) => {
    const { page } = world;
    await page.goto("/jobs/new?agent=e2e-1");
    await page.getByText("Command", { exact: true }).click();
    await page.getByRole("textbox", { name: "Program", exact: true }).fill("printenv");
    await page.keyboard.press("Enter");
    await page.getByRole("textbox", { name: "Argument 1", exact: true }).fill("LEVEL");
    await page.getByRole("button", { name: "Add a variable" }).click();
    await page.getByRole("textbox", { name: "Variable", exact: true }).fill("PATH");
    await page.getByRole("textbox", { name: "Value of PATH" }).fill("/tmp");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByText(/is set by the agent/).waitFor();
    await page.getByRole("textbox", { name: "Variable", exact: true }).fill("LEVEL");
    await page.getByRole("textbox", { name: "Value of LEVEL" }).fill("$HOME it's 3");
    await accessible(page, "the form for a command with variables");
    await page.getByRole("button", { name: "Copy as CLI or curl" }).click();
    const line = await page.getByRole("group", { name: /^CLI/ }).innerText();
    assert.equal(line, "postern job run --agent=e2e-1 '--env=LEVEL=$HOME it'\\''s 3' -- printenv LEVEL");
    assert.match(await world.command(line), /e2e-1/, "the program understands it");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await jobNumber(page);
    await output(page).getByText("$HOME it's 3", { exact: true }).waitFor();
    await page.getByLabel("Environment").getByText("$HOME it's 3", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Run again" }).click();
    await page.getByRole("heading", { name: /^Run job \d+ again$/ }).waitFor();
    assert.equal(await page.getByRole("textbox", { name: "Value of LEVEL" }).inputValue(), "$HOME it's 3");
  },

  "run again starts from what ran": async ({ page }) => {
    await runScript(page, "e2e-1", "print('hello from python')", "python");
    await output(page).getByText("hello from python").waitFor();
    await page.getByRole("button", { name: "Run again" }).click();
    await page.getByRole("heading", { name: /^Run job \d+ again$/ }).waitFor();
    assert.equal(await page.getByLabel("Code").inputValue(), "print('hello from python')");
    assert.equal(await page.getByLabel("Language").inputValue(), "python");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await output(page).getByText("hello from python").waitFor();
  },
};
