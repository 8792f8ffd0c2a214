import { accessible, assert } from "../expect.mjs";
import { jobNumber } from "./jobs.mjs";

const PASSWORD = "gr8-password-canary";

async function choose(page, type) {
  await page.goto("/jobs/new?agent=ghost");
  await page.getByRole("radiogroup", { name: "Type" }).getByText(type, { exact: true }).click();
}

/** The host never comes, so nothing is done anywhere: what the server keeps is what counts here. */
async function run(page) {
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const id = await jobNumber(page);
  const answer = await page.request.get(`/api/v1/jobs/${id}`);
  return answer.json();
}

const TYPES = [
  [
    "Service",
    async (page) => {
      await page.getByLabel("Action").selectOption("restart");
      await page.getByLabel("Service", { exact: false }).last().fill("nginx");
    },
    { action: "restart", service: "nginx" },
    "postern job service restart nginx --agent=ghost",
  ],
  [
    "Process",
    async (page) => {
      await page.getByLabel("Action").selectOption("kill");
      await page.getByRole("textbox", { name: "Name" }).fill("worker");
      await page.getByRole("textbox", { name: "User", exact: true }).fill("www-data");
    },
    { action: "kill", name: "worker", user: "www-data" },
    "postern job process kill --name=worker --user=www-data --agent=ghost",
  ],
  [
    "Network",
    async (page) => {
      await page.getByLabel("Tool").selectOption("port_check");
      await page.getByRole("textbox", { name: /^Host/ }).last().fill("db.example.org");
      const ports = page
        .getByRole("textbox", { name: /^Ports/ })
        .or(page.getByRole("combobox", { name: /^Ports/ }));
      await ports.first().fill("443");
      await page.keyboard.press("Enter");
      await ports.first().fill("5432");
      await page.keyboard.press("Enter");
      await page.getByLabel("Try TLS on open TCP ports").check();
    },
    { tool: "port_check", host: "db.example.org", ports: [443, 5432], tls: true },
    "postern job network port db.example.org 443 5432 --tls --agent=ghost",
  ],
  [
    "Software",
    async (page) => {
      const packages = page
        .getByRole("textbox", { name: "Packages" })
        .or(page.getByRole("combobox", { name: "Packages" }));
      await packages.first().fill("nginx=1.26.0-1");
      await page.keyboard.press("Enter");
      await page.getByLabel("Fetch the package lists first").check();
    },
    { action: "install", packages: [{ name: "nginx", version: "1.26.0-1" }], refresh: true },
    "postern job software install nginx=1.26.0-1 --refresh --agent=ghost",
  ],
  [
    "Group",
    async (page) => {
      await page.getByLabel("Action").selectOption("add_members");
      await page.getByRole("textbox", { name: /^Group/ }).fill("www-data");
      const members = page
        .getByRole("textbox", { name: "Members" })
        .or(page.getByRole("combobox", { name: "Members" }));
      await members.first().fill("deploy");
      await page.keyboard.press("Enter");
    },
    { action: "add_members", group: "www-data", members: ["deploy"] },
    "postern job group add www-data deploy --agent=ghost",
  ],
];

export default Object.fromEntries([
  ...TYPES.map(([type, fill, payload, cli]) => [
    `the form for ${type.toLowerCase()} reaches the server, and says the same as a command`,
    async (world) => {
      const { page } = world;
      await choose(page, type);
      await fill(page);
      await accessible(page, `the form for ${type}`);
      await page.getByRole("button", { name: "Copy as CLI or curl" }).click();
      const line = await page.getByRole("group", { name: /^CLI/ }).innerText();
      assert.equal(line, cli);
      assert.match(
        await world.command(line),
        /ghost/,
        "the program understands it, and would do it on the same host",
      );
      await world.screenshot(`run-${type.toLowerCase()}`);
      const job = await run(page);
      assert.deepEqual(job.payload, payload);
      await page.getByRole("region", { name: type, exact: true }).waitFor();
    },
  ]),
  [
    "what is missing is said before the server is asked",
    async ({ page }) => {
      await choose(page, "Service");
      await page.getByRole("button", { name: "Run", exact: true }).click();
      await page.getByRole("alert").getByText("Give “Service”").waitFor();
      await choose(page, "Process");
      await page.getByLabel("Action").selectOption("force_kill");
      await page.getByRole("button", { name: "Run", exact: true }).click();
      await page.getByRole("alert").getByText("Say which process").waitFor();
    },
  ],
  [
    "secrets for a host that has never connected are refused, and the form stays",
    async (world) => {
      const { page } = world;
      await choose(page, "HTTP request");
      await page.getByRole("textbox", { name: "URL" }).fill("https://intranet.example.org/api");
      await page.getByRole("button", { name: "Add a secret header" }).click();
      await page.getByRole("textbox", { name: "Secret header", exact: true }).fill("X-Api-Key");
      await page.getByLabel("Value of X-Api-Key").fill(PASSWORD);
      await page.getByRole("button", { name: "Copy as CLI or curl" }).click();
      const curl = await page.getByRole("group", { name: /^curl/ }).innerText();
      assert.ok(curl.includes("SECRET_X_API_KEY") && !curl.includes(PASSWORD), curl);
      assert.equal(
        await page.getByRole("group", { name: /^CLI/ }).innerText(),
        "postern job http GET https://intranet.example.org/api --secret-header=X-Api-Key=x_api_key --agent=ghost --secret=x_api_key",
      );
      await world.screenshot("run-http");
      await page.getByRole("button", { name: "Run", exact: true }).click();
      await page.getByText(/has told no key to seal them to/).waitFor();
      assert.equal(
        await page.getByRole("textbox", { name: "URL" }).inputValue(),
        "https://intranet.example.org/api",
      );
    },
  ],
  [
    "a drawn password is shown once, with a button to copy it",
    async (world) => {
      const { page } = world;
      await page.goto("/jobs/new?agent=e2e-1");
      await page.getByRole("radiogroup", { name: "Type" }).getByText("User", { exact: true }).click();
      await page.getByLabel("Action").selectOption("reset_password");
      await page.getByRole("textbox", { name: /^User/ }).fill("no-such-user-here");
      // Not now and not here: the job is only made.
      await page.getByLabel("Not before").fill("2099-01-01T00:00:00");
      await page.getByRole("button", { name: "Run", exact: true }).click();
      const dialog = page.getByRole("dialog", { name: "The new password" });
      const password = await dialog.getByRole("group", { name: "Password" }).innerText();
      assert.match(password, /^[A-Za-z0-9]{24}$/);
      await accessible(page, "the drawn password");
      await dialog.getByRole("button", { name: "Copy Password" }).click();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), password);
      await dialog.getByRole("button", { name: "I have copied it" }).click();
      const id = await jobNumber(page);
      assert.ok(!(await page.content()).includes(password), "it is shown once");
      const kept = await (await page.request.get(`/api/v1/jobs/${id}`)).text();
      assert.ok(!kept.includes(password));
      await page.getByRole("button", { name: "Cancel" }).click();
      await page
        .getByRole("dialog")
        .getByRole("button", { name: /^Cancel job/ })
        .click();
    },
  ],
  [
    "results are tables, whatever the type",
    async (world) => {
      const { page } = world;
      await page.goto("/jobs?filter=type:service_control");
      await page.getByRole("row").nth(1).getByRole("link").first().click();
      const id = await jobNumber(page);
      const pattern = new RegExp(`/api/v1/jobs/${id}$`);
      await page.route(pattern, async (route) => {
        const response = await route.fetch();
        const job = await response.json();
        const attempt = {
          id: 1,
          number: 1,
          state: "completed",
          handed_at: job.created_at,
          stdout_bytes: 0,
          stderr_bytes: 0,
          result: RESULT,
        };
        await route.fulfill({
          response,
          json: { ...job, state: "completed", attempt: 1, attempts: [attempt] },
        });
      });
      await page.reload();
      const result = page.getByRole("region", { name: "Result: service" });
      await result.getByRole("cell", { name: "active (running)" }).waitFor();
      await accessible(page, "a job with a result");
      await world.screenshot("job-result");
      await page.unroute(pattern);
    },
  ],
]);

const RESULT = {
  type: "service_control",
  result: {
    manager: "systemd",
    service: "nginx.service",
    before: { state: "inactive (dead)", running: false, enabled: true },
    after: { state: "active (running)", running: true, enabled: true, pid: 4711 },
  },
};
