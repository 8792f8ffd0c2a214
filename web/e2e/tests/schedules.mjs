import { accessible, assert, fits, until } from "../expect.mjs";
import { addUser, openAs } from "../people.mjs";
import { output } from "./jobs.mjs";

/** A tick comes within a minute; the server looks every few seconds. */
const TICK_MS = 90_000;
const SECRET = "s3cret-of-a-schedule-e2e-canary";
const ZONE = "Europe/Brussels";
const SONJA = { user: "sonja", password: "a-long-enough-password", role: "operator", at: "Whole tenant" };

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
const head = (page) => page.getByRole("main").locator("header").first();
const ticks = (page) => page.getByRole("region", { name: "Ticks", exact: true }).first();

async function open(page, name) {
  await page.goto("/schedules");
  await page.getByRole("link", { name, exact: true }).click();
  await page.getByRole("heading", { name, exact: true }).waitFor();
}

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

/** What the API says, for what has no page: as the user who is signed in. */
async function call(page, method, path, data) {
  const session = await (await page.request.get("/api/v1/session")).json();
  const response = await page.request.fetch(path, {
    method,
    data,
    headers: { "X-CSRF-Token": session.csrf_token },
  });
  assert.ok(response.ok(), `${method} ${path}: ${response.status()} ${await response.text()}`);
  return response.json();
}

async function action(page, name, item) {
  await page.getByRole("button", { name: `Actions for ${name}` }).click();
  await page.getByRole("menuitem", { name: item }).click();
}

/** The day so many days from now, in UTC: `2026-12-24` and its place in the week, from Monday. */
function dayFromNow(days) {
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

  // Its first tick is up to a minute away.
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
    await page.getByRole("dialog").getByRole("button", { name: "Run now" }).click();
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

  "its first tick comes, and makes its first child": async (world) => {
    const { page } = world;
    const row = ticks(page).getByRole("row").filter({ hasText: "Ran" });
    await page.goto("/schedules");
    await page.getByRole("link", { name: "every-minute", exact: true }).click();
    await row.first().waitFor({ timeout: TICK_MS });
    await accessible(page, "a schedule that has run");
    await world.screenshot("schedule-first-tick");
    await row
      .first()
      .getByRole("link", { name: /^Execution \d+$/ })
      .click();
    await page.getByRole("heading", { name: /^Execution \d+$/ }).waitFor();
    await page.getByRole("img", { name: "Jobs by state: 1 completed" }).waitFor();
    await page.getByRole("table", { name: "Jobs of the execution" }).getByRole("link").first().click();
    await output(page).getByText("tick on").waitFor();
    await page.goBack();
    await page.getByRole("link", { name: /^\d+$/ }).and(page.locator('a[href^="/schedules/"]')).click();
    await page.getByRole("heading", { name: "every-minute", exact: true }).waitFor();
  },

  "pausing and resuming; what cannot be done says why": async ({ page }) => {
    await page.getByRole("button", { name: "Resume", exact: true }).hover();
    await page.getByRole("tooltip").getByText("It is not paused").waitFor();
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await head(page).getByText("Paused", { exact: true }).waitFor();
    await page.getByText("It begins nothing until it is resumed").first().waitFor();
    await page.mouse.move(0, 0);
    await page.getByRole("button", { name: "Pause", exact: true }).hover();
    await page.getByRole("tooltip").getByText("It is paused already").waitFor();
    await page.getByRole("button", { name: "Resume", exact: true }).click();
    await head(page).getByText("Active", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await head(page).getByText("Paused", { exact: true }).waitFor();
  },

  "run now is one run besides the ticks": async (world) => {
    const { page } = world;
    await page.getByRole("button", { name: "Run now", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Run every-minute now" });
    await dialog.getByText("on the account of admin").waitFor();
    await dialog.getByRole("button", { name: "Run now" }).click();
    await dialog.waitFor({ state: "hidden" });
    await ticks(page).getByRole("row").filter({ hasText: "Run now" }).first().waitFor();
    await head(page).getByText("Paused", { exact: true }).waitFor();
  },

  "the month marks what ran and what is black, and is walked by keyboard": async (world) => {
    const { page } = world;
    const grid = page.getByRole("grid", { name: /^Ticks of every-minute/ });
    const today = grid.locator("[aria-current=date]");
    await until("today has run", async () => / ran/.test(await today.textContent()));
    await today.focus();
    await page.keyboard.press("ArrowRight");
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute("data-day"));
    await until("tomorrow has the focus", async () => (await focused()) !== null);
    const first = await focused();
    await page.keyboard.press("PageDown");
    await until("the same day of the next month has the focus", async () => {
      const day = await focused();
      return day !== null && day.slice(0, 7) > first.slice(0, 7);
    });
    assert.match(page.url(), /month=\d{4}-\d{2}/);
    assert.match(page.url(), /day=\d{4}-\d{2}-\d{2}/);
    await page.getByRole("button", { name: "Previous month" }).click();
    const dark = dayFromNow(11).date;
    if (dark.slice(0, 7) !== first.slice(0, 7)) {
      await page.getByRole("button", { name: "Next month" }).click();
    }
    const black = grid.locator(`[data-day="${dark}"]`);
    await until("a day of the calendar is black", async () =>
      / 20\d\d: blackout\d+$/.test(await black.textContent()),
    );
    await page.getByRole("button", { name: "Today" }).click();
    await page
      .getByRole("table", { name: /^Ticks of \w+day/ })
      .getByText("Ran", { exact: true })
      .first()
      .waitFor();
    await accessible(page, "a schedule with a day chosen");
    await world.screenshot("schedule-day");
  },

  "its jobs and executions are found by filter": async ({ page }) => {
    await page.getByRole("link", { name: "Its jobs" }).click();
    await page.getByRole("heading", { name: "Jobs", exact: true }).waitFor();
    assert.match(page.url(), /filter=schedule:\d+/);
    const rows = page.getByRole("table", { name: "Jobs" }).getByRole("row");
    await until("only its jobs are there", async () => {
      const texts = await rows.allInnerTexts();
      return texts.length >= 3 && texts.slice(1).every((text) => text.includes("tick on"));
    });
    await page.getByRole("button", { name: "Filter", exact: true }).click();
    for (const field of ["State", "Type", "Agent", "Execution", "Created from", "Created before"]) {
      await page.getByRole("menuitem", { name: field, exact: true }).waitFor();
    }
    await page.keyboard.press("Escape");
    await open(page, "every-minute");
    await page.getByRole("link", { name: "Its executions" }).click();
    await page.getByRole("heading", { name: "Executions", exact: true }).waitFor();
    await page
      .getByRole("table", { name: "Executions" })
      .getByRole("row", { name: /tick on/ })
      .first()
      .waitFor();
  },

  "editing changes what is said and keeps the rest": async (world) => {
    const { page } = world;
    await open(page, "every-minute");
    await page.getByRole("button", { name: "Edit", exact: true }).click();
    await page.getByRole("heading", { name: "Edit every-minute" }).waitFor();
    assert.equal(await page.getByLabel("Runs at most").inputValue(), "500");
    assert.equal(
      await page.getByRole("textbox", { name: "Line" }).inputValue(),
      'echo "tick on $(hostname)"',
    );
    await page.getByLabel("Cron expression").fill("15 3 * * 1-5");
    await page.getByLabel("Timeout in seconds").fill("99999999");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText(/must be 1 to 604800/).waitFor();
    await page.getByLabel("Timeout in seconds").fill("60");
    await page.getByLabel("Name", { exact: false }).first().fill("workdays");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "workdays", exact: true }).waitFor();
    await page.getByText("15 3 * * 1-5").first().waitFor();
    await head(page).getByText("Paused", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Resume", exact: true }).click();
    await head(page).getByText("Active", { exact: true }).waitFor();
    await world.screenshot("schedule-edited");
  },

  "a colleague pauses and describes it, and it stays whose it was": async (world) => {
    await addUser(world.page, SONJA);
    const { context, page } = await openAs(world, SONJA);
    await open(page, "workdays");
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await head(page).getByText("Paused", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Edit", exact: true }).click();
    await page.getByText("It runs on the account of admin").waitFor();
    await page.getByLabel("Cron expression").fill("15 4 * * 1-5");
    await page.getByText("Once you save it, it runs on yours").waitFor();
    await page.getByLabel("Cron expression").fill("15 3 * * 1-5");
    await page.getByText("as long as you change its name and description only").waitFor();
    await page.getByLabel("Description").fill("Looked after by sonja");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "workdays", exact: true }).waitFor();
    await page.getByText("Looked after by sonja").waitFor();
    await page.getByRole("button", { name: "Resume", exact: true }).click();
    await head(page).getByText("Active", { exact: true }).waitFor();
    const { items } = await call(page, "GET", "/api/v1/schedules?search=workdays");
    assert.deepEqual([items[0].owner, items[0].description], ["admin", "Looked after by sonja"]);
    await context.close();
  },

  "the list: search, filter, group, and actions on a row": async (world) => {
    const { page } = world;
    await page.goto("/schedules");
    await page
      .getByRole("row", { name: /greetings/ })
      .getByText("greet", { exact: true })
      .waitFor();
    await accessible(page, "the list of schedules");
    await action(page, "greetings", /^Pause/);
    await page
      .getByRole("row", { name: /greetings/ })
      .getByText("Paused")
      .waitFor();
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByRole("menuitem", { name: "State" }).click();
    await page.getByRole("checkbox", { name: "Paused" }).check();
    await page.getByRole("link", { name: "workdays" }).waitFor({ state: "hidden" });
    await page.keyboard.press("Escape");
    assert.match(page.url(), /filter=state:paused/);
    await page.getByRole("button", { name: "Remove filter State" }).click();
    await page.getByLabel("Group by").selectOption("state");
    await page.getByRole("button", { name: /State:\s*Active/ }).waitFor();
    await page.getByLabel("Group by").selectOption("");
    await page.getByRole("searchbox").fill("work");
    await page.getByRole("link", { name: "greetings" }).waitFor({ state: "hidden" });
    await page.getByRole("searchbox").press("Escape");
    await page.getByRole("link", { name: "greetings" }).waitFor();
    await action(page, "greetings", /^Resume/);
    await page
      .getByRole("row", { name: /greetings/ })
      .getByText("Active")
      .waitFor();
  },

  "a calendar in use cannot be deleted, and says by whom": async ({ page }) => {
    await page.goto("/calendars");
    await page
      .getByRole("row", { name: /^freeze/ })
      .getByRole("link", { name: "workdays" })
      .waitFor();
    await page.getByRole("button", { name: "Actions for freeze" }).click();
    const remove = page.getByRole("menuitem", { name: /^Delete/ });
    await remove.getByText("It is used by workdays: change those first").waitFor();
    assert.equal(await remove.getAttribute("aria-disabled"), "true");
    await page.keyboard.press("Escape");
  },

  "a schedule and a calendar are deleted": async ({ page }) => {
    await call(page, "POST", "/api/v1/calendars", {
      name: "gone",
      zone: "UTC",
      entries: [{ kind: "dates", from: "2031-01-01", to: "2031-01-02" }],
    });
    await page.goto("/calendars");
    await action(page, "gone", "Delete");
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("row", { name: /^gone/ }).waitFor({ state: "hidden" });
    await open(page, "greetings");
    await action(page, "greetings", "Delete");
    await page
      .getByRole("dialog", { name: "Delete greetings" })
      .getByRole("button", { name: "Delete" })
      .click();
    await page.getByRole("heading", { name: "Schedules", exact: true }).waitFor();
    await page.getByRole("link", { name: "workdays" }).waitFor();
    // The list may be the one from before until the server has answered.
    await page.getByRole("link", { name: "greetings" }).waitFor({ state: "hidden" });
  },

  "schedules on a phone": async (world) => {
    const context = await world.newContext({
      viewport: { width: 390, height: 844 },
      hasTouch: true,
      isMobile: true,
    });
    const page = await context.newPage();
    await world.signIn(page);
    await page.goto("/schedules");
    await page.getByRole("link", { name: "workdays" }).waitFor();
    await fits(page, "schedules on a phone");
    await page.getByRole("link", { name: "workdays" }).click();
    await page.getByRole("grid").waitFor();
    await fits(page, "a schedule on a phone");
    await world.screenshot("phone-schedule", page);
    await page.getByRole("button", { name: "Edit", exact: true }).click();
    await page.getByLabel("Cron expression").waitFor();
    await fits(page, "the form for a schedule on a phone");
    await page.goto("/calendars");
    await page.getByRole("row", { name: /^freeze/ }).waitFor();
    await fits(page, "calendars on a phone");
    await context.close();
  },
};
