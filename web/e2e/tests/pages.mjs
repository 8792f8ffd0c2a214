import { fits } from "../expect.mjs";
import { inLightAndDark } from "../looks.mjs";

/** Every page with something on it to wait for. */
const PAGES = {
  agents: ["/agents", (page) => page.getByRole("link", { name: "e2e-1" })],
  "agents-grouped": ["/agents?group=health", (page) => page.getByRole("button", { name: /Health:/ }).first()],
  agent: ["e2e-1", (page) => page.getByRole("list", { name: "Recent jobs" })],
  jobs: ["/jobs", (page) => page.getByRole("row").nth(1)],
  job: ["job", (page) => page.getByRole("region", { name: "Output of the job" }).getByText("part 20")],
  run: ["/jobs/new?agent=e2e-1", (page) => page.getByLabel("Code")],
  groups: ["/groups", (page) => page.getByRole("row").nth(1)],
  executions: ["/executions", (page) => page.getByRole("row").nth(1)],
  execution: [
    "execution",
    (page) => page.getByRole("table", { name: "Jobs of the execution" }).getByRole("row").nth(1),
  ],
  scripts: ["/scripts", (page) => page.getByRole("row").nth(1)],
  libraries: ["/libraries", (page) => page.getByRole("row").nth(1)],
  script: ["script", (page) => page.getByRole("textbox", { name: "Code", exact: true })],
  "script-settings": ["script?tab=settings", (page) => page.getByRole("group", { name: "Library logging" })],
  "script-versions": [
    "script?tab=versions",
    (page) => page.getByRole("region", { name: "Difference of the code" }).getByRole("textbox").first(),
  ],
  "script-run": ["script/run", (page) => page.getByRole("textbox", { name: "title" })],
  actions: ["/actions", (page) => page.getByRole("row").nth(1)],
  action: ["action", (page) => page.getByRole("table", { name: "Asks for" })],
  "action-draft": ["action?tab=draft", (page) => page.getByRole("table", { name: "Asks for" })],
  "action-versions": [
    "action?tab=versions",
    (page) => page.getByRole("region", { name: "Difference of the versions" }).getByRole("textbox").first(),
  ],
  "action-run": ["action/run", (page) => page.getByRole("textbox", { name: "whom" })],
  "action-new": ["/actions/new", (page) => page.getByRole("button", { name: "Create action" })],
  "action-edit": ["action/edit", (page) => page.getByRole("group", { name: "Parameter whom" })],
  workflows: ["/workflows", (page) => page.getByRole("row").nth(1)],
  workflow: ["workflow", (page) => page.locator('.react-flow__node[data-id="step:ask"]')],
  "workflow-code": ["workflow?tab=code", (page) => page.getByText("No problem found")],
  "workflow-versions": [
    "workflow?tab=versions",
    (page) => page.getByRole("region", { name: "Difference of the versions" }).getByRole("textbox").first(),
  ],
  "workflow-run": ["workflow/run", (page) => page.getByRole("textbox", { name: "what" })],
  instances: ["/instances", (page) => page.getByRole("row").nth(1)],
  instance: ["instance", (page) => page.locator('.react-flow__node[data-id="step:deploy"]')],
  "instance-steps": ["instance?tab=steps", (page) => page.getByRole("table", { name: "Steps that began" })],
  approvals: ["/approvals", (page) => page.getByRole("row").nth(1)],
  approval: ["approval", (page) => page.getByRole("region", { name: "Step deploy" })],
  schedules: ["/schedules", (page) => page.getByRole("row").nth(1)],
  schedule: ["schedule", (page) => page.getByRole("region", { name: "Ticks" }).getByRole("row").nth(1)],
  "schedule-new": ["/schedules/new", (page) => page.getByLabel("Cron expression")],
  "schedule-edit": ["schedule/edit", (page) => page.getByRole("table", { name: "Next ticks" })],
  calendars: ["/calendars", (page) => page.getByRole("row").nth(1)],
  notifications: ["/notifications", (page) => page.getByRole("row").nth(1)],
  webhooks: ["/notifications?tab=webhooks", (page) => page.getByRole("row").nth(1)],
  mail: ["/notifications?tab=mail", (page) => page.getByText("E-mail is configured")],
  audit: ["/audit", (page) => page.getByRole("row").nth(1)],
  users: ["/users", (page) => page.getByRole("row").nth(1)],
  organizations: ["/organizations", (page) => page.getByRole("button", { name: "Actions for default" })],
  account: ["/account", (page) => page.getByRole("list", { name: "Roles" }).getByText("Site administrator")],
  tokens: ["/tokens", (page) => page.getByText("There are no API tokens")],
};

const SCRIPT = `#!/bin/bash
# Checks every part of the archive against its checksum.
for part in $(seq 1 20); do
  printf '[ \\033[32mok\\033[0m ] \\033[1mpart %d\\033[0m of 20: /srv/archive/part-%02d.tar  %d files\\n' $part $part $((part * 7919 % 1000))
  if [ $((part % 8)) = 0 ]; then printf '\\033[33mwarning:\\033[0m part %d is older than 30 days\\n' $part >&2; fi
  sleep 0.05
done
echo "done"
`;

async function jobToShow(page) {
  await page.goto("/jobs/new?agent=e2e-1");
  await page.getByLabel("Code").fill(SCRIPT);
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByRole("main").locator("header").getByText("Completed").waitFor();
  return new URL(page.url()).pathname;
}

/** Things whose numbers are not known beforehand are looked up by name. */
async function addressOf(page, path, job) {
  if (path === "job") {
    return job;
  }
  if (path === "execution") {
    const list = await page.request.get("/api/v1/executions?search=check");
    return `/executions/${(await list.json()).items.at(-1).id}`;
  }
  if (path.startsWith("workflow")) {
    const list = await page.request.get("/api/v1/workflows?filter=name:release");
    return `/workflows/${(await list.json()).items[0].id}${path.slice("workflow".length)}`;
  }
  if (path.startsWith("instance") || path === "approval") {
    const [thing, rest = ""] = path.split(/(?=[?])/);
    const list = await page.request.get(
      `/api/v1/${thing}s?search=${thing === "instance" ? "release" : "moon"}`,
    );
    return `/${thing}s/${(await list.json()).items.at(-1).id}${rest}`;
  }
  if (path.startsWith("schedule")) {
    const list = await page.request.get("/api/v1/schedules?search=workdays");
    return `/schedules/${(await list.json()).items[0].id}${path.slice("schedule".length)}`;
  }
  if (path.startsWith("action")) {
    const list = await page.request.get("/api/v1/actions?filter=name:greet");
    return `/actions/${(await list.json()).items[0].id}${path.slice("action".length)}`;
  }
  if (path.startsWith("script")) {
    const list = await page.request.get("/api/v1/scripts?filter=name:check");
    return `/scripts/${(await list.json()).items[0].id}${path.slice("script".length)}`;
  }
  return path;
}

async function everyPage(world, job) {
  const context = await world.newContext({}, { strict: true });
  const page = await context.newPage();
  await page.goto("/sign-in");
  await page.getByLabel("User name").waitFor();
  await inLightAndDark(world, page, "sign-in");
  await world.signIn(page);
  for (const [name, [path, ready]] of Object.entries(PAGES)) {
    if (path === "e2e-1") {
      await page.goto("/agents");
      await page.getByRole("link", { name: "e2e-1" }).click();
    } else {
      await page.goto(await addressOf(page, path, job));
    }
    await ready(page).waitFor();
    await page.evaluate(() => document.fonts.ready);
    await fits(page, name);
    await inLightAndDark(world, page, name);
  }
  await context.close();
}

export default {
  "every page in light and dark: no serious finding, nothing sideways, and a picture": async (world) => {
    const job = await jobToShow(world.page);
    await everyPage(world, job);
  },

  "an agent is revoked, and then deleted": async ({ page }) => {
    await page.goto("/agents");
    await page.getByRole("button", { name: "Actions for e2e-2" }).click();
    await page.getByRole("menuitem", { name: /^Revoke$/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    const row = page.getByRole("row", { name: /e2e-2/ });
    await row.getByText("Revoked").waitFor();
    await page.getByRole("button", { name: "Actions for e2e-2" }).click();
    await page.getByRole("menuitem", { name: /^Delete/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("link", { name: "e2e-2" }).waitFor({ state: "hidden" });
  },

  "signing out ends it": async ({ page }) => {
    await page.getByRole("button", { name: /^Account of/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.goto("/agents");
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  },
};
