// What becomes of the schedules that the suite `schedules` made.
import { call } from "../api.mjs";
import { accessible, assert, fits, until } from "../expect.mjs";
import { addUser, openAs, openOnPhone } from "../people.mjs";
import { output } from "./jobs.mjs";
import { action, dayFromNow, head, ticks } from "./schedules.mjs";

/** A tick comes within a minute; the server looks every few seconds. */
const TICK_MS = 90_000;
const SONJA = { user: "sonja", password: "a-long-enough-password", role: "operator", at: "Whole tenant" };

async function open(page, name) {
  await page.goto("/schedules");
  await page.getByRole("link", { name, exact: true }).click();
  await page.getByRole("heading", { name, exact: true }).waitFor();
}

export default {
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
    const { context, page } = await openOnPhone(world);
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
