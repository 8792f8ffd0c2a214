// A typed job through the run form, and what its page says when it is over.
import { assert } from "./expect.mjs";
import { addAgent } from "./tests/agents.mjs";
import { jobNumber, state } from "./tests/jobs.mjs";

const HOST = "e2e-1";
/** Fields that are chosen from a list; the rest are written or switched on. */
const CHOICES = ["Action", "Tool", "Method", "Record type", "Protocol"];
/** apt may have to wait for its lock. */
const LIMIT_MS = 60_000;

/** The agent that earlier tests brought up, or one of our own. */
async function ensureHost(world) {
  if (!world.agents.has(HOST)) {
    const { dialog, token } = await addAgent(world.page, HOST);
    world.startAgent(HOST, token);
    await dialog.getByRole("status").getByText("Running").waitFor({ timeout: 60_000 });
  }
}

/** Fills the form, by the names a person reads there, and runs it. */
export async function order(world, type, values) {
  await ensureHost(world);
  const { page } = world;
  await openForm(world);
  await page.getByRole("radiogroup", { name: "Type" }).getByText(type, { exact: true }).click();
  for (const [label, value] of Object.entries(values)) {
    await fill(page, label, value);
  }
  await page.getByRole("button", { name: "Run", exact: true }).click();
}

/** The page of a job that was ordered here: the way back leads to the form, and loads nothing anew. */
const ordered = new WeakMap();

/** With nothing in it. */
async function openForm({ page }) {
  if (ordered.get(page) === page.url()) {
    await page.goBack();
    await page.getByRole("heading", { name: "Run", exact: true }).waitFor();
  } else {
    await page.goto(`/jobs/new?agent=${HOST}`);
  }
}

async function fill(page, label, value) {
  if (CHOICES.includes(label)) {
    await page.getByLabel(label, { exact: true }).selectOption({ label: value });
  } else if (value === true) {
    await page.getByLabel(label, { exact: true }).check();
  } else {
    const named = { name: label, exact: true };
    const field = page.getByRole("textbox", named).or(page.getByRole("combobox", named)).first();
    for (const one of [value].flat()) {
      await field.fill(String(one));
      if (Array.isArray(value)) {
        await field.press("Enter");
      }
    }
  }
}

/** Runs it and waits for its end, which is on the page by itself. */
export async function perform(world, type, values) {
  await order(world, type, values);
  return ended(world, type);
}

export async function ended({ page }, type) {
  const number = await jobNumber(page);
  ordered.set(page, page.url());
  const head = state(page);
  await head.getByText(/^(Completed|Failed|Timeout|Cancelled|Unknown)$/).waitFor({ timeout: LIMIT_MS });
  return new Job(page, type, number, await head.innerText());
}

/** What the page of a job that is over says. */
class Job {
  constructor(page, type, number, head) {
    this.page = page;
    this.number = number;
    this.head = head;
    this.result = page.getByRole("region", { name: `Result: ${type.toLowerCase()}`, exact: true });
  }

  async done() {
    assert.match(this.head, /^Completed$/m, `job ${this.number}`);
    await this.result.waitFor();
    return this;
  }

  /** It failed, and the reason that stands beside the state says this. */
  failed(reason) {
    assert.match(this.head, /^Failed$/m, `job ${this.number}`);
    assert.ok(
      this.head.includes(reason),
      `${JSON.stringify(this.head)} does not say ${JSON.stringify(reason)}`,
    );
    return this;
  }

  /** The value of a fact of the result. */
  async fact(name) {
    const label = this.page.locator("dt").filter({ hasText: new RegExp(`^${name}$`) });
    return this.result.locator("dl > div").filter({ has: label }).locator("dd").innerText();
  }

  /** The rows of a table of the result; their cells by the words above them. */
  async rows(label) {
    const table = this.result.getByRole("table", { name: label, exact: true });
    const heads = await table.getByRole("columnheader").allInnerTexts();
    const rows = await table.locator("tbody tr").all();
    return Promise.all(
      rows.map(async (row) => {
        const cells = await row.getByRole("cell").allInnerTexts();
        return Object.fromEntries(heads.map((head, index) => [head, cells[index]]));
      }),
    );
  }
}
