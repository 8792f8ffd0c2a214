import { assert, fits } from "../expect.mjs";
import { PHONE } from "../people.mjs";

const LISTS = [
  "agents",
  "groups",
  "jobs",
  "executions",
  "scripts",
  "actions",
  "workflows",
  "instances",
  "approvals",
  "schedules",
  "calendars",
  "audit",
  "users",
  "organizations",
  "tokens",
];

const REFUSAL = {
  status: 500,
  contentType: "application/problem+json",
  body: JSON.stringify({
    type: "x",
    title: "Internal Server Error",
    status: 500,
    code: "internal",
    detail: "The database is gone. Look at the log.",
  }),
};

/** Lists that are a part of a page, and one whose page is not called like what it asks for. */
async function otherLists({ request }) {
  const first = async (list) => (await (await request.get(`/api/v1/${list}`)).json()).items[0].id;
  const execution = await first("executions?limit=1");
  const script = await first("scripts?limit=1&filter=kind:script");
  const action = await first("actions?limit=1&filter=name:greet");
  const workflow = await first("workflows?limit=1&filter=name:release");
  return [
    ["/notifications", /\/api\/v1\/deliveries\?/, "Messages", "No message was sent yet"],
    ["/notifications?tab=webhooks", /\/api\/v1\/webhooks\?/, "Webhooks", "There are no webhooks yet"],
    ["/libraries", /\/api\/v1\/scripts\?/, "Libraries", "There are no libraries yet"],
    [`/executions/${execution}`, /\/api\/v1\/jobs\?/, "Jobs of the execution", "Its jobs are gone"],
    [
      `/scripts/${script}?tab=versions`,
      /\/api\/v1\/scripts\/\d+\/versions\?/,
      "Versions",
      "There is no version",
    ],
    [
      `/actions/${action}?tab=versions`,
      /\/api\/v1\/actions\/\d+\/versions\?/,
      "Versions",
      "There is no version",
    ],
    [
      `/workflows/${workflow}?tab=versions`,
      /\/api\/v1\/workflows\/\d+\/versions\?/,
      "Versions",
      "There is no version",
    ],
    [
      `/workflows/${workflow}?tab=instances`,
      /\/api\/v1\/instances\?/,
      "Instances",
      "It has not been run yet",
    ],
  ];
}

/** What is asked for does not come for a while, then is refused, and is there on another try. */
async function failsOnce(world, path, pattern) {
  const { page } = world;
  let refuse;
  const held = new Promise((resolve) => {
    refuse = resolve;
  });
  await page.route(pattern, async (route) => {
    await held;
    await route.fulfill(REFUSAL);
  });
  await page.goto(path);
  const main = page.getByRole("main");
  const picture = async (name) => path === "/agents" && world.screenshot(`agents-${name}`);
  const placeholders = main.getByRole("status", { name: "Loading" });
  await placeholders.or(main.locator('table[aria-busy="true"]')).first().waitFor();
  await picture("loading");
  refuse();
  await main.getByRole("alert").getByText("The database is gone").waitFor();
  await picture("error");
  await page.unroute(pattern);
  await main.getByRole("button", { name: "Try again" }).click();
}

export default {
  "every list is loading at first, says when it cannot be loaded, and loads on another try": async (
    world,
  ) => {
    const { page } = world;
    for (const path of LISTS) {
      const pattern = new RegExp(`/api/v1/${path}\\?`);
      await failsOnce(world, `/${path}`, pattern);
      await page.getByRole("alert").waitFor({ state: "hidden" });
    }
  },

  "rows stay while the server does not answer, and are said to be old": async ({ page }) => {
    await page.goto("/agents");
    await page.getByRole("link", { name: "e2e-1" }).waitFor();
    const pattern = /\/api\/v1\/agents\?/;
    await page.route(pattern, (route) => route.abort());
    await page.getByText(/Not up to date/).waitFor({ timeout: 40_000 });
    assert.ok(await page.getByRole("link", { name: "e2e-1" }).isVisible());
    await page.unroute(pattern);
    await page.getByText(/Not up to date/).waitFor({ state: "hidden" });
  },

  "lists inside of pages and libraries: loading, not loaded, and empty": async (world) => {
    const { page } = world;
    for (const [path, pattern, name, empty] of await otherLists(page)) {
      await failsOnce(world, path, pattern);
      const main = page.getByRole("main");
      await main.getByRole("table", { name, exact: true }).getByRole("row").nth(1).waitFor();
      await page.route(pattern, (route) => route.fulfill({ json: { items: [] } }));
      await page.reload();
      await main.getByText(empty).waitFor();
      await page.unroute(pattern);
    }
  },

  "an unknown page and an unknown job": async (world) => {
    const { page } = world;
    await page.goto("/no/such/page");
    await page.getByText("There is no such page").waitFor();
    await world.screenshot("not-found");
    await page.goto("/jobs/99999999");
    await page.getByRole("alert").getByRole("button", { name: "Try again" }).waitFor();
  },

  "the colours are chosen, and stay chosen": async ({ page }) => {
    const scheme = () => page.evaluate(() => document.documentElement.dataset.mantineColorScheme);
    await page.goto("/agents");
    await page.getByRole("button", { name: /^Colours:/ }).click();
    await page.getByRole("menuitem", { name: "Dark" }).click();
    assert.equal(await scheme(), "dark");
    await page.reload();
    await page.getByRole("link", { name: "e2e-1" }).waitFor();
    assert.equal(await scheme(), "dark");
    await page.getByRole("button", { name: /^Colours:/ }).click();
    await page.getByRole("menuitem", { name: "Like the system" }).click();
    assert.equal(await scheme(), "light");
  },

  "on a phone": async (world) => {
    const context = await world.newContext(PHONE);
    const page = await context.newPage();
    await page.goto("/sign-in");
    await fits(page, "sign-in on a phone");
    await page.getByLabel("User name").fill(world.user);
    await page.getByLabel("Password", { exact: true }).fill(world.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("link", { name: "e2e-1" }).waitFor();
    await fits(page, "agents on a phone");
    await world.screenshot("phone-agents", page);
    await page.getByRole("button", { name: "Open menu" }).click();
    await page.getByRole("dialog", { name: "Menu" }).getByRole("link", { name: "Jobs" }).click();
    await page.getByRole("heading", { name: "Jobs", exact: true }).waitFor();
    await fits(page, "jobs on a phone");
    await page.getByRole("row").nth(1).getByRole("link").first().click();
    await page.getByRole("heading", { name: /^Job \d+$/ }).waitFor();
    await fits(page, "a job on a phone");
    await world.screenshot("phone-job", page);
    await page.goto("/jobs/new");
    await page.getByLabel("Code").waitFor();
    await fits(page, "the run form on a phone");
    await world.screenshot("phone-run", page);
    for (const path of [
      "groups",
      "executions",
      "scripts",
      "libraries",
      "actions",
      "schedules",
      "calendars",
    ]) {
      await page.goto(`/${path}`);
      await page.getByRole("row").nth(1).waitFor();
      await fits(page, `${path} on a phone`);
    }
    await page.goto("/executions");
    await page.getByRole("table").getByRole("link").first().click();
    await page.getByRole("table", { name: "Jobs of the execution" }).waitFor();
    await fits(page, "an execution on a phone");
    await world.screenshot("phone-execution", page);
    await page.goto("/organizations");
    await page.getByRole("button", { name: "Actions for default" }).waitFor();
    await fits(page, "organizations on a phone");
    await page.goto("/account");
    await page.getByRole("list", { name: "Roles" }).waitFor();
    await fits(page, "the account on a phone");
    await world.screenshot("phone-account", page);
    await context.close();
  },
};
