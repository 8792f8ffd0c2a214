import { call } from "../api.mjs";
import { accessible, assert, until } from "../expect.mjs";
import { output } from "./jobs.mjs";

const SECRET = "s3cret-of-a-schedule-e2e-canary";
const ZONE = "Europe/Brussels";

/** A field that searches is a text box to some, and a combobox to others. */
const searched = (page, name) =>
  page
    .getByRole("textbox", { name: new RegExp(`^${name}`) })
    .or(page.getByRole("combobox", { name: new RegExp(`^${name}`) }))
    .first();

async function choose(page, name, text, option = text) {
  await searched(page, name).fill(text);
  await page.getByRole("option", { name: option, exact: true }).first().click();
}

const create = (page) => page.getByRole("button", { name: "Create schedule" });
export const head = (page) => page.getByRole("main").locator("header").first();
export const ticks = (page) => page.getByRole("region", { name: "Ticks", exact: true }).first();

async function newSchedule(page, name) {
  await page.goto("/schedules");
  await page.getByRole("button", { name: "New schedule" }).first().click();
  await page.getByRole("heading", { name: "New schedule" }).waitFor();
  await page.getByLabel("Name", { exact: false }).first().fill(name);
}

async function shellLine(page, line) {
  await page.getByText("Command", { exact: true }).click();
  await page.getByText("Shell line", { exact: true }).click();
  await page.getByRole("textbox", { name: "Line" }).fill(line);
}

async function onHost(page, host) {
  await choose(page, "Hosts", host, new RegExp(`^${host}`));
  await page.keyboard.press("Escape");
  await page.getByText("1 host", { exact: true }).waitFor();
}

export async function action(page, name, item) {
  await page.getByRole("button", { name: `Actions for ${name}` }).click();
  await page.getByRole("menuitem", { name: item }).click();
}

/** The day so many days from now, in UTC: `2026-12-24` and its place in the week, from Monday. */
export function dayFromNow(days) {
  const at = new Date(Date.now() + days * 86_400_000);
  return { date: at.toISOString().slice(0, 10), weekday: (at.getUTCDay() + 6) % 7 };
}
const WEEK = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

export default {
  "without schedules and calendars the pages say what to do": async (world) => {
    const { page } = world;
    await page.goto("/schedules");
    await page.getByText("There are no schedules yet").waitFor();
    await accessible(page, "the empty list of schedules");
    await world.screenshot("schedules-empty");
    await page.goto("/calendars");
    await page.getByText("There are no calendars yet").waitFor();
  },

  "a calendar with hours of a weekday and with days": async (world) => {
    const { page } = world;
    await page.getByRole("button", { name: "Add calendar" }).first().click();
    const dialog = page.getByRole("dialog", { name: "Add a calendar" });
    await dialog.getByLabel("Name", { exact: false }).first().fill("freeze");
    await choose(page, "Time zone", "brus", ZONE);
    const weekly = dialog.getByRole("group", { name: "Entry 1" });
    await dialog.getByRole("button", { name: "Add calendar" }).click();
    await dialog.getByRole("alert").getByText("Entry 1: choose the days of the week").waitFor();
    await weekly.getByText(WEEK[dayFromNow(3).weekday], { exact: true }).click();
    await weekly.getByLabel("From").fill("22:00");
    await weekly.getByLabel("To").fill("25:00");
    await dialog.getByRole("button", { name: "Add calendar" }).click();
    await dialog.getByRole("alert").getByText("Entry 1: write times like 22:00").waitFor();
    await weekly.getByLabel("To").fill("06:00");
    await dialog.getByRole("button", { name: "Add days" }).click();
    const dates = dialog.getByRole("group", { name: "Entry 2" });
    await dates.getByLabel("First day").fill(dayFromNow(10).date);
    await dates.getByLabel("Last day").fill(dayFromNow(12).date);
    await accessible(page, "the dialog for a calendar");
    await world.screenshot("calendar-dialog");
    await dialog.getByRole("button", { name: "Add calendar" }).click();
    await dialog.waitFor({ state: "hidden" });
    const row = page.getByRole("row", { name: /^freeze/ });
    await row.getByText(/22:00 to 06:00 on the day after; 20\d\d-\d\d-\d\d to/).waitFor();
    await row.getByText("No blackout").waitFor();
    await row.getByText("not used").waitFor();
  },

  "a calendar is edited": async ({ page }) => {
    await action(page, "freeze", "Edit");
    const dialog = page.getByRole("dialog", { name: "Edit freeze" });
    await dialog.getByLabel("Description").fill("Nothing changes in these days");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "hidden" });
    await page
      .getByRole("row", { name: /^freeze/ })
      .getByText("Nothing changes")
      .waitFor();
  },

  "a wrong expression is refused at its field, while it is typed and when it is sent": async (world) => {
    const { page } = world;
    await newSchedule(page, "every-minute");
    const cron = page.getByLabel("Cron expression");
    await cron.fill("61 * * * *");
    await until(
      "the field is marked",
      async () => (await cron.getAttribute("aria-invalid")) === "true" && (await cron.isVisible()),
    );
    await shellLine(page, 'echo "tick on $(hostname)"');
    await onHost(page, "e2e-1");
    await create(page).click();
    await until("the focus is at what was refused", () =>
      cron.evaluate((element) => element === document.activeElement),
    );
    await page.getByRole("heading", { name: "New schedule" }).waitFor();
    await accessible(page, "the form with a wrong expression");
    await world.screenshot("schedule-form-refused");
  },

  "the next five ticks are shown, in its zone and in mine": async (world) => {
    const { page } = world;
    const cron = page.getByLabel("Cron expression");
    await cron.fill("30 2 * * *");
    await choose(page, "Time zone", "brussels", ZONE);
    const table = page.getByRole("table", { name: "Next ticks" });
    await table.getByRole("columnheader", { name: `In ${ZONE}` }).waitFor();
    await until("there are five", async () => (await table.getByRole("row").count()) === 6);
    await until("at half past two there", async () =>
      (await table.getByRole("row").nth(1).getByRole("cell").first().innerText()).includes("02:30 GMT+"),
    );
    const mine = await page.evaluate(() => Intl.DateTimeFormat().resolvedOptions().timeZone);
    await table.getByRole("columnheader", { name: `For you, in ${mine}` }).waitFor();
    await cron.fill("* * * * *");
    await until("they are of this minute and the next", async () =>
      /in \d+ s|in 1 min/.test(await table.getByRole("row").nth(1).getByRole("cell").last().innerText()),
    );
    assert.equal(await cron.getAttribute("aria-invalid"), null);
  },

  "rules, limits and a blackout; and the same as a command": async (world) => {
    const { page } = world;
    await page.getByLabel("Description").fill("The first of many");
    await page.getByLabel("When the run before still goes on").selectOption("queue");
    await page.getByText("of several that wait, the last one does").waitFor();
    await page.getByLabel("When ticks were missed").selectOption("run_once");
    await page.getByLabel("Blackout calendar").selectOption("freeze");
    await page.getByLabel("When a tick falls into a blackout").selectOption("skip");
    await page.getByLabel("Runs at most").fill("500");
    await page.getByRole("button", { name: "Copy as CLI or curl" }).click();
    const cli = await page.getByRole("group", { name: /^CLI/ }).innerText();
    const curl = await page.getByRole("group", { name: /^curl/ }).innerText();
    assert.ok(cli.startsWith("postern schedule apply -f - <<'YAML'\n"), cli);
    assert.ok(curl.includes("-X POST") && curl.includes("/api/v1/schedules"), curl);
    await accessible(page, "the form for a schedule");
    await world.screenshot("schedule-form");
    const said = await world.command(cli);
    assert.match(said, /every-minute/, "the program understands it");
    await create(page).click();
    await page.getByRole("alert").getByText("There is a schedule").waitFor();
    const list = await call(page, "GET", "/api/v1/schedules?search=every-minute");
    const made = list.items[0];
    assert.deepEqual(
      [made.definition.overlap, made.definition.missed, made.definition.max_runs, made.definition.zone],
      ["queue", "run_once", 500, ZONE],
    );
    await page.request.delete(`/api/v1/schedules/${made.id}`, {
      headers: { "X-CSRF-Token": (await call(page, "GET", "/api/v1/session")).csrf_token },
    });
    await create(page).click();
    await page.getByRole("heading", { name: "every-minute", exact: true }).waitFor();
    await head(page).getByText("Active", { exact: true }).waitFor();
  },

  // Its first tick is up to a minute away: the suite `ticks` waits for it, after others.
  "a host group goes by a calendar, is shown with it, and goes by none again": async (world) => {
    const { page } = world;
    const row = page.getByRole("row", { name: /^careful/ });
    await page.goto("/groups");
    await page.getByRole("button", { name: "Add host group" }).first().click();
    const adding = page.getByRole("dialog", { name: "Add a host group" });
    await adding.getByLabel("Name", { exact: false }).first().fill("careful");
    await adding.getByRole("textbox", { name: "Label selector" }).fill("env=test");
    assert.ok(await adding.getByLabel("When jobs fall into a blackout").isDisabled());
    await adding.getByLabel("Blackout calendar").selectOption("freeze");
    await adding.getByText("begin when the blackout is over").waitFor();
    await accessible(page, "the dialog for a host group with a calendar");
    await world.screenshot("group-blackout");
    await adding.getByRole("button", { name: "Add host group" }).click();
    await adding.waitFor({ state: "hidden" });
    await row.getByText("freeze: jobs wait").waitFor();
    await action(page, "careful", "Edit");
    const editing = page.getByRole("dialog", { name: "Edit careful" });
    await editing.getByLabel("When jobs fall into a blackout").selectOption("skip");
    await editing.getByText("are cancelled as soon as they would begin").waitFor();
    await editing.getByRole("button", { name: "Save" }).click();
    await row.getByText("freeze: jobs are skipped").waitFor();
    await accessible(page, "a host group with a calendar");
    await world.screenshot("groups-blackout");
    await page.goto("/calendars");
    await page
      .getByRole("row", { name: /^freeze/ })
      .getByText("host group careful")
      .waitFor();
    await page.goto("/groups");
    await action(page, "careful", "Edit");
    await editing.getByLabel("Blackout calendar").selectOption("None");
    await editing.getByRole("button", { name: "Save" }).click();
    await row.getByText("none", { exact: true }).waitFor();
    await action(page, "careful", "Delete");
    await page
      .getByRole("dialog", { name: "Delete careful" })
      .getByRole("button", { name: "Delete" })
      .click();
    await row.waitFor({ state: "hidden" });
  },

  "a saved script with a secret, which is kept and shown nowhere": async (world) => {
    const { page } = world;
    await call(page, "POST", "/api/v1/scripts", {
      name: "greet",
      language: "bash",
      definition: {
        content: 'echo "hello $PARAM_WHOM, it is $PARAM_TOKEN"\n',
        parameters: [
          { name: "whom", type: "string", default: "world" },
          { name: "token", type: "secret", required: true },
        ],
      },
    });
    await newSchedule(page, "greetings");
    await page.getByLabel("Cron expression").fill("0 4 1 * *");
    await page.getByText("Saved script", { exact: true }).click();
    await choose(page, "Script", "greet");
    await page.getByRole("textbox", { name: "whom" }).fill("moon");
    await onHost(page, "e2e-1");
    await create(page).click();
    await page.getByRole("alert").getByText("Give “token”").waitFor();
    await page.getByLabel("token").fill(SECRET);
    await page.getByRole("button", { name: "Copy as CLI or curl" }).click();
    const cli = await page.getByRole("group", { name: /^CLI/ }).innerText();
    const curl = await page.getByRole("group", { name: /^curl/ }).innerText();
    assert.ok(cli.includes("SECRET_TOKEN") && curl.includes("SECRET_TOKEN"), `${cli}\n${curl}`);
    assert.ok(!cli.includes(SECRET) && !curl.includes(SECRET));
    await world.screenshot("schedule-script-form");
    await create(page).click();
    await page.getByRole("heading", { name: "greetings", exact: true }).waitFor();
    const panel = page.getByRole("region", { name: "Saved script" });
    await panel.getByRole("link", { name: "greet" }).waitFor();
    await panel.getByText("secret", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Edit", exact: true }).click();
    await page.getByText("Kept on the server: token").waitFor();
    await until(
      "its parameter is there",
      async () => (await page.getByRole("textbox", { name: "whom" }).inputValue()) === "moon",
    );
    assert.equal(await page.getByLabel("token").inputValue(), "");
    await page.getByRole("textbox", { name: "whom" }).fill("sun");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText(/^must be given again/).waitFor();
    await until("the focus is at the secret", () =>
      page.getByLabel("token").evaluate((element) => element === document.activeElement),
    );
    await accessible(page, "the form that asks for a secret again");
    await world.screenshot("schedule-secret-again");
    await page.getByLabel("token").fill(SECRET);
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "greetings", exact: true }).waitFor();
    await page.getByRole("button", { name: "Run now", exact: true }).click();
    const asked = page.getByRole("dialog");
    await asked.getByRole("button", { name: "Copy as CLI or curl" }).click();
    assert.equal(
      await asked.getByRole("group", { name: /^CLI/ }).innerText(),
      "postern schedule run greetings",
    );
    await asked.getByRole("button", { name: "Run now" }).click();
    await ticks(page)
      .getByRole("link", { name: /^Execution \d+$/ })
      .first()
      .click();
    await page.getByRole("table", { name: "Jobs of the execution" }).getByRole("link").first().click();
    await output(page)
      .getByText(/hello sun, it is/)
      .waitFor();
    assert.ok(!(await page.content()).includes(SECRET), "the secret is nowhere on the page");
  },
};
