import { accessible, assert, fits, until } from "../expect.mjs";
import { addUser, openAs, openOnPhone } from "../people.mjs";
import { addAgent } from "./agents.mjs";
import { output } from "./jobs.mjs";

const HOST = "e2e-1";
const LIMIT_MS = 60_000;
const SECRET = "s3cret-of-an-action-e2e-canary";
const OSCAR = { user: "oscar", password: "a-long-enough-password" };

const head = (page) => page.getByRole("main").locator("header").first();
const tab = (page, name) => page.getByRole("tab", { name }).click();
const button = (page, name) => page.getByRole("button", { name, exact: true });

/** What the API says, for what is not looked at here: as the user who is signed in. */
async function call(page, method, path, data) {
  const session = await (await page.request.get("/api/v1/session")).json();
  const response = await page.request.fetch(path, {
    method,
    data,
    headers: { "X-CSRF-Token": session.csrf_token },
  });
  assert.ok(response.ok(), `${method} ${path}: ${response.status()} ${await response.text()}`);
  return response.status() === 204 ? undefined : response.json();
}

const actionNamed = async (page, name) =>
  (await call(page, "GET", `/api/v1/actions?filter=name:${name}`)).items[0];

async function open(page, name) {
  await page.goto("/actions");
  await page.getByRole("link", { name, exact: true }).click();
  await page.getByRole("heading", { name, exact: true }).waitFor();
}

async function newAction(page, name) {
  await page.goto("/actions");
  await page.getByRole("button", { name: "New action" }).first().click();
  await page.getByRole("heading", { name: "New action" }).waitFor();
  await page.getByLabel("Name", { exact: false }).first().fill(name);
}

/** A field that searches is a text box to some, and a combobox to others. */
const searched = (page, name) =>
  page
    .getByRole("textbox", { name: new RegExp(`^${name}`) })
    .or(page.getByRole("combobox", { name: new RegExp(`^${name}`) }))
    .first();

async function choose(page, name, text, option = text) {
  await searched(page, name).fill(text);
  await page.getByRole("option", { name: option }).first().click();
  await page.keyboard.press("Escape");
}

async function onHost(page) {
  await choose(page, "Hosts", HOST, new RegExp(`^${HOST}`));
  await page.getByText("1 host", { exact: true }).waitFor();
}

async function command(page, ...words) {
  await page.getByText("Command", { exact: true }).click();
  for (const [index, word] of words.entries()) {
    if (index > 0) {
      await page.getByRole("button", { name: "Add an argument" }).click();
    }
    await page
      .getByRole("textbox", { name: index === 0 ? "Program" : `Argument ${index}`, exact: true })
      .fill(word);
  }
}

async function addParameter(page, name, type, fill = async () => {}) {
  await page.getByRole("group", { name: "Open parameters" }).or(page.getByRole("main")).first().waitFor();
  await page
    .getByRole("region", { name: "Open parameters" })
    .getByRole("button", { name: "Add a parameter" })
    .click();
  await page.getByRole("group", { name: "Parameter this parameter" }).getByLabel("Name").fill(name);
  const row = page.getByRole("group", { name: `Parameter ${name}` });
  await row.getByLabel("Type").selectOption(type);
  await fill(row);
}

async function deploy(page, version, message = "") {
  await button(page, "Deploy").click();
  const dialog = page.getByRole("dialog", { name: /^Deploy / });
  await dialog.getByText(`becomes version ${version},`).waitFor();
  await dialog.getByLabel("What this version is for").fill(message);
  await dialog.getByRole("button", { name: "Deploy" }).click();
  await dialog.waitFor({ state: "hidden" });
  await head(page).getByText(`version ${version} runs`).waitFor();
}

async function saveDraft(page) {
  await button(page, "Save the draft").click();
  await page.getByRole("tab", { name: "Draft", selected: true }).waitFor();
}

async function finished(page) {
  await page.getByRole("heading", { name: /^Execution \d+$/ }).waitFor();
  await head(page).getByText("Completed", { exact: true }).waitFor({ timeout: LIMIT_MS });
}

export default {
  "without actions the page says what to do": async (world) => {
    const { page } = world;
    if (!world.agents.has(HOST)) {
      const { dialog, token } = await addAgent(page, HOST);
      world.startAgent(HOST, token);
      await dialog.getByRole("status").getByText("Running").waitFor({ timeout: LIMIT_MS });
    }
    await page.goto("/actions");
    await page.getByText("There are no actions yet").waitFor();
    await accessible(page, "the empty list of actions");
    await world.screenshot("actions-empty");
  },

  "an action with open parameters, whose places are chosen by name": async (world) => {
    const { page } = world;
    await newAction(page, "greet");
    await page.getByLabel("Description").first().fill("Says hello");
    await command(page, "echo", "hello", "3");
    await addParameter(page, "whom", "string", (row) => row.getByLabel("Required").check());
    await onHost(page);
    await button(page, "Create action").click();
    await page.getByRole("alert").getByText("Choose the place that “whom” fills").waitFor();
    const whom = page.getByRole("group", { name: "Parameter whom" });
    await whom.getByLabel("Place").selectOption({ label: "Argument 1 (hello)" });
    await addParameter(page, "count", "integer", async (row) => {
      await row.getByLabel("Place").selectOption({ label: "Argument 2 (3)" });
      await row.getByLabel("At least").fill("1");
      await row.getByLabel("At most").fill("9");
      await row.getByLabel("Default").fill("12");
    });
    await page.getByRole("button", { name: "Copy as CLI or curl" }).click();
    const curl = await page.getByRole("group", { name: /^curl/ }).innerText();
    assert.ok(curl.includes("-X POST") && curl.includes("/api/v1/actions"), curl);
    await accessible(page, "the form for an action");
    await button(page, "Create action").click();
    const count = page.getByRole("group", { name: "Parameter count" });
    await count.getByText(/12.*above 9|above 9/).waitFor();
    await count.scrollIntoViewIfNeeded();
    await world.screenshot("action-form");
    await count.getByLabel("Default").fill("3");
    const cli = await page.getByRole("group", { name: /^CLI/ }).innerText();
    assert.ok(cli.startsWith("postern action apply -f - <<'YAML'\n"), cli);
    await world.command(cli);
    await button(page, "Create action").click();
    await page
      .getByRole("alert")
      .getByText(/There is an action/)
      .waitFor();
    const { id } = await actionNamed(page, "greet");
    await call(page, "DELETE", `/api/v1/actions/${id}`);
    await button(page, "Create action").click();
    await page.getByRole("heading", { name: "greet", exact: true }).waitFor();
    await head(page).getByText("Not deployed").waitFor();
    await button(page, "Run").hover();
    await page.getByRole("tooltip").getByText("It is not deployed").waitFor();
    const asks = page.getByRole("table", { name: "Asks for" });
    await asks.getByRole("row", { name: /whom Text Argument 1 Yes/ }).waitFor();
    await asks.getByRole("row", { name: /count Integer.* Argument 2 No 3/ }).waitFor();
    await accessible(page, "an action that is not deployed");
    await world.screenshot("action-draft");
  },

  "the draft is tried before it is deployed": async ({ page }) => {
    await button(page, "Try the draft").click();
    await page.getByRole("heading", { name: "Run greet" }).waitFor();
    await page.getByRole("textbox", { name: "whom" }).fill("draft");
    await button(page, "Run").click();
    await finished(page);
    await page.getByRole("link", { name: /^\d+, draft$/ }).waitFor();
  },

  "it is deployed, and what is wrong is refused at its field": async (world) => {
    const { page } = world;
    await open(page, "greet");
    await deploy(page, 1, "the first");
    await page.getByRole("tab", { name: "What runs" }).click();
    await page.getByRole("region", { name: "Version 1" }).getByText("the first").waitFor();
    await world.screenshot("action-deployed");
    await button(page, "Deploy").hover();
    await page.getByRole("tooltip").getByText("The draft says what version 1 says").waitFor();
    await button(page, "Run").click();
    await page.getByRole("heading", { name: "Run greet" }).waitFor();
    await button(page, "Run").click();
    await page.getByRole("alert").getByText("Give “whom”").waitFor();
    await page.getByRole("textbox", { name: "whom" }).fill("moon $(id) it's");
    await page.getByLabel("count").fill("12");
    await button(page, "Run").click();
    await page.getByText("is above 9").waitFor();
    assert.equal(await page.getByLabel("count").getAttribute("aria-invalid"), "true");
    await world.screenshot("action-run-refused");
    await page.getByLabel("count").fill("7");
    await page.getByText("is above 9").waitFor({ state: "hidden" });
  },

  "a look before, the same as a command, and the value in the output": async (world) => {
    const { page } = world;
    await button(page, "Preview").click();
    const preview = page.getByRole("region", { name: "Preview", exact: true });
    await preview.getByText("Nothing has been started").waitFor();
    await preview.getByRole("cell", { name: HOST }).waitFor();
    assert.match(await preview.innerText(), /[0-9a-f]{64}/);
    await page.getByRole("button", { name: "Copy as CLI or curl" }).click();
    const cli = await page.getByRole("group", { name: /^CLI/ }).innerText();
    const curl = await page.getByRole("group", { name: /^curl/ }).innerText();
    assert.equal(cli, "postern action run greet '--param=whom=moon $(id) it'\\''s' --param=count=7");
    assert.match(curl, /\/api\/v1\/actions\/\d+\/run/);
    assert.match(await world.command(`${cli} --dry-run`), new RegExp(HOST));
    await accessible(page, "the form that runs an action");
    await world.screenshot("action-run");
    await button(page, "Run").click();
    await finished(page);
    await page.getByRole("link", { name: /^\d+, version 1$/ }).waitFor();
    await page.getByRole("table", { name: "Jobs of the execution" }).getByRole("link").first().click();
    await output(page).getByText("moon $(id) it's 7").waitFor();
    await page.goBack();
    await page.getByRole("link", { name: /^\d+, version 1$/ }).click();
    await page.getByRole("heading", { name: "greet", exact: true }).waitFor();
    await tab(page, "Executions");
    const table = page.getByRole("table", { name: "Executions" });
    // Rows without a link stand for what is still to come.
    await table.getByRole("link").first().waitFor();
    assert.equal(await table.getByRole("row").count(), 3, "the run of the draft and of the deployed version");
    await world.screenshot("action-executions");
  },

  "an edit of the draft changes nothing that runs until it is deployed": async (world) => {
    const { page } = world;
    await button(page, "Edit").click();
    await page.getByRole("heading", { name: "Edit greet" }).waitFor();
    const place = page.getByRole("group", { name: "Parameter whom" }).getByLabel("Place");
    assert.equal(await place.inputValue(), "/argv/1");
    await page.getByRole("textbox", { name: "Argument 1", exact: true }).fill("bye");
    await page.getByLabel("Timeout in seconds").fill("60");
    await saveDraft(page);
    await head(page).getByText("Draft differs").waitFor();
    const difference = page.getByRole("region", { name: "Difference between what runs and the draft" });
    await difference.getByRole("textbox", { name: "Version 1" }).getByText('"hello"').waitFor();
    await difference.getByRole("textbox", { name: "Draft" }).getByText('"bye"').waitFor();
    await accessible(page, "a draft that differs");
    await world.screenshot("action-draft-differs");
    await tab(page, "What runs");
    await page.getByRole("region", { name: "Command" }).getByText("hello", { exact: true }).waitFor();
  },

  "it is deployed again, versions are compared, and an old one is restored": async (world) => {
    const { page } = world;
    await deploy(page, 2, "says bye");
    await tab(page, "Versions");
    await page.getByRole("cell", { name: "says bye" }).waitFor();
    const difference = page.getByRole("region", { name: "Difference of the versions" });
    await difference.getByRole("textbox", { name: "Version 1" }).getByText('"hello"').waitFor();
    await difference.getByRole("textbox", { name: "Version 2" }).getByText('"bye"').waitFor();
    await accessible(page, "the versions of an action");
    await world.screenshot("action-versions");
    await page.getByRole("button", { name: "Restore version 1" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Restore to the draft" }).click();
    await page.getByRole("tab", { name: "Draft", selected: true }).waitFor();
    await head(page).getByText("Draft differs").waitFor();
    await head(page).getByText("version 2 runs").waitFor();
    await page.getByRole("region", { name: "Command" }).getByText("hello", { exact: true }).waitFor();
  },

  "a draft that somebody saved meanwhile is not overwritten": async (world) => {
    const { page } = world;
    await button(page, "Edit").click();
    const word = page.getByRole("textbox", { name: "Argument 1", exact: true });
    await word.fill("mine");
    const { id } = await actionNamed(page, "greet");
    const { draft } = await call(page, "GET", `/api/v1/actions/${id}`);
    draft.work.job.payload.argv[1] = "theirs";
    await call(page, "PATCH", `/api/v1/actions/${id}`, { definition: draft });
    await button(page, "Save the draft").click();
    const notice = page.getByRole("alert").filter({ hasText: "Somebody saved a newer draft meanwhile" });
    await notice.getByRole("button", { name: "Show the difference" }).click();
    const dialog = page.getByRole("dialog", { name: "The newest draft and your edit" });
    await dialog.getByText('"theirs"').first().waitFor();
    await world.screenshot("action-newer-draft");
    await page.keyboard.press("Escape");
    await notice.getByRole("button", { name: "Keep my edit as the draft" }).click();
    await notice.waitFor({ state: "hidden" });
    assert.equal(await word.inputValue(), "mine");
    await saveDraft(page);
    await page.getByRole("region", { name: "Command" }).getByText("mine", { exact: true }).waitFor();
  },

  "kept secrets are given again when they would go elsewhere": async (world) => {
    const { page } = world;
    const { id } = await call(page, "POST", "/api/v1/actions", {
      name: "call",
      definition: {
        work: {
          kind: "job",
          job: {
            type: "http_request",
            payload: {
              method: "GET",
              url: "http://127.0.0.1:9/",
              secret_headers: { authorization: "authorization" },
            },
          },
        },
        targets: { agents: [HOST] },
      },
      secrets: { authorization: SECRET },
    });
    await page.goto(`/actions/${id}/edit`);
    await page.getByText("Kept on the server: authorization").waitFor();
    await page.getByLabel("Timeout in seconds").fill("30");
    await saveDraft(page);
    await button(page, "Edit").click();
    await page.getByRole("textbox", { name: "URL" }).fill("http://127.0.0.1:9/elsewhere");
    await button(page, "Save the draft").click();
    await page
      .getByText(/The kept secrets must be given again/)
      .first()
      .waitFor();
    await world.screenshot("action-secrets-again");
    await page.getByLabel("Value of authorization").fill("another");
    await saveDraft(page);
    await page.getByRole("region", { name: "Kept secrets" }).getByText("authorization").waitFor();
    assert.ok(!(await page.content()).includes(SECRET), "the secret is nowhere on the page");
    await call(page, "DELETE", `/api/v1/actions/${id}`);
  },

  "a saved script with fixed parameters, one of them secret, and one that is asked for": async (world) => {
    const { page } = world;
    const script = await call(page, "POST", "/api/v1/scripts", {
      name: "tidy",
      language: "bash",
      definition: {
        content:
          'echo "tidied $PARAM_PATH to level $PARAM_LEVEL with $(printf %s "$PARAM_KEY" | wc -c) letters"\n',
        parameters: [
          { name: "path", type: "string", default: "/tmp" },
          { name: "level", type: "integer", required: true },
          { name: "key", type: "secret", required: true },
        ],
      },
    });
    await newAction(page, "tidy-up");
    await page.getByText("Saved script", { exact: true }).click();
    await choose(page, "Script", "tidy");
    await page.getByRole("switch", { name: "Fix path" }).click();
    await page.getByRole("textbox", { name: "path" }).fill("/srv/e2e");
    await page.getByRole("switch", { name: "Fix key" }).click();
    await onHost(page);
    await button(page, "Create action").click();
    await page.getByRole("alert").getByText("Give the fixed value of “key”").waitFor();
    await page
      .getByRole("group", { name: "Parameter key" })
      .getByLabel("key", { exact: false })
      .and(page.locator("[type=password]"))
      .fill(SECRET);
    await page.getByRole("button", { name: "Copy as CLI or curl" }).click();
    const cli = await page.getByRole("group", { name: /^CLI/ }).innerText();
    assert.ok(cli.includes("SECRET_KEY") && !cli.includes(SECRET), cli);
    await page.getByRole("region", { name: "Parameters" }).scrollIntoViewIfNeeded();
    await accessible(page, "an action of a saved script");
    await world.screenshot("action-script-form");
    await button(page, "Create action").click();
    await page.getByRole("heading", { name: "tidy-up", exact: true }).waitFor();
    await deploy(page, 1);
    await tab(page, "What runs");
    await page.getByRole("region", { name: "Saved script" }).getByRole("link", { name: "tidy" }).waitFor();
    await page
      .getByRole("table", { name: "Asks for" })
      .getByRole("row", { name: /^level/ })
      .waitFor();
    await button(page, "Run").click();
    await page.getByLabel("level").fill("4");
    await button(page, "Run").click();
    await finished(page);
    await page.getByRole("table", { name: "Jobs of the execution" }).getByRole("link").first().click();
    await output(page).getByText(`tidied /srv/e2e to level 4 with ${SECRET.length} letters`).waitFor();
    assert.ok(!(await page.content()).includes(SECRET), "the secret is nowhere on the page");
    await page.goto(`/scripts/${script.id}?tab=used-by`);
    const users = page.getByRole("list", { name: "Used by" });
    await users.getByRole("link", { name: "tidy-up" }).click();
    await page.getByRole("heading", { name: "tidy-up", exact: true }).waitFor();
  },

  "who is not among its runners finds the button disabled, with the reason": async (world) => {
    const { page } = world;
    await open(page, "greet");
    await button(page, "Edit").click();
    await choose(page, "Who may run it", "Site", /Site administrator/);
    await saveDraft(page);
    await page.getByRole("list", { name: "Who may run it" }).getByText("Site administrator (role)").waitFor();
    await deploy(page, 3);
    await addUser(page, { ...OSCAR, role: "operator", at: "Whole tenant" });
    const { context, page: theirs } = await openAs(world, OSCAR);
    await open(theirs, "greet");
    const run = button(theirs, "Run");
    assert.equal(await run.getAttribute("aria-disabled"), "true");
    await run.hover();
    await theirs.getByRole("tooltip").getByText("You are not among those who may run it").waitFor();
    await world.screenshot("action-not-a-runner", theirs);
    for (const name of ["Edit", "Deploy"]) {
      assert.equal(await button(theirs, name).getAttribute("aria-disabled"), "true");
      await button(theirs, name).hover();
      await theirs
        .getByRole("tooltip")
        .getByText(/only they and whoever has the permission/)
        .waitFor();
    }
    const own = new URL(theirs.url()).pathname;
    await theirs.goto(`${own}/edit`);
    await theirs.getByText(/only they and whoever has the permission/).waitFor();
    await theirs.goto(own);
    await run.waitFor();
    await theirs.goto(`${new URL(theirs.url()).pathname}/run`);
    await theirs.getByText("You are not among those who may run it").waitFor();
    await theirs.goto("/actions");
    await theirs
      .getByRole("row", { name: /^greet/ })
      .getByRole("cell", { name: "No", exact: true })
      .waitFor();
    await context.close();
  },

  "a schedule runs an action, which stays as long as it is used": async (world) => {
    const { page } = world;
    await open(page, "greet");
    await button(page, "Actions for greet").click();
    await page.getByRole("menuitem", { name: "Schedule" }).click();
    await page.getByRole("heading", { name: "New schedule" }).waitFor();
    await page.getByLabel("Name", { exact: false }).first().fill("greet-daily");
    await page.getByLabel("Cron expression").fill("0 5 * * *");
    assert.equal(await page.getByRole("region", { name: "On which hosts" }).count(), 0);
    await page.getByRole("textbox", { name: "whom" }).fill("schedule");
    await page.getByLabel("count").fill("99");
    await button(page, "Create schedule").click();
    await page.getByText("is above 9").waitFor();
    await page.getByLabel("count").fill("5");
    await accessible(page, "a schedule of an action");
    await world.screenshot("schedule-action-form");
    await button(page, "Create schedule").click();
    await page.getByRole("heading", { name: "greet-daily", exact: true }).waitFor();
    await page.getByRole("region", { name: "Action" }).getByRole("link", { name: "greet" }).waitFor();
    await world.screenshot("schedule-action");
    await button(page, "Edit").click();
    await until(
      "what it is given is there",
      async () => (await page.getByRole("textbox", { name: "whom" }).inputValue()) === "schedule",
    );
    await page.getByRole("textbox", { name: "whom" }).fill("tick");
    await button(page, "Save").click();
    await page.getByRole("heading", { name: "greet-daily", exact: true }).waitFor();
    await button(page, "Run now").click();
    await page.getByRole("dialog").getByRole("button", { name: "Run now" }).click();
    await page
      .getByRole("region", { name: "Ticks", exact: true })
      .first()
      .getByRole("link", { name: /^Execution \d+$/ })
      .first()
      .click();
    await finished(page);
    await page.getByRole("table", { name: "Jobs of the execution" }).getByRole("link").first().click();
    await output(page).getByText("tick 5").waitFor();
    await page.goto("/schedules");
    await page
      .getByRole("row", { name: /^greet-daily/ })
      .getByText("greet", { exact: true })
      .waitFor();
    await open(page, "greet");
    await tab(page, "Used by (1)");
    await page.getByRole("list", { name: "Used by" }).getByRole("link", { name: "greet-daily" }).waitFor();
    await world.screenshot("action-used-by");
    await button(page, "Actions for greet").click();
    const remove = page.getByRole("menuitem", { name: /^Delete/ });
    await remove.getByText("It is used by schedule greet-daily").waitFor();
    assert.equal(await remove.getAttribute("aria-disabled"), "true");
    await page.goto("/actions");
    await button(page, "Actions for greet").click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    const dialog = page.getByRole("dialog", { name: "Delete greet" });
    await dialog.getByRole("button", { name: "Delete" }).click();
    await dialog
      .getByRole("alert")
      .getByText(/is used by.*greet-daily/)
      .waitFor();
    await page.keyboard.press("Escape");
  },

  "an action is cloned, and the copy is deleted": async ({ page }) => {
    await open(page, "greet");
    await button(page, "Actions for greet").click();
    await page.getByRole("menuitem", { name: "Clone" }).click();
    await page.getByRole("dialog", { name: "Clone greet" }).getByRole("button", { name: "Clone" }).click();
    await page.getByRole("heading", { name: "greet-copy", exact: true }).waitFor();
    await head(page).getByText("Not deployed").waitFor();
    await button(page, "Actions for greet-copy").click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("heading", { name: "Actions", exact: true }).waitFor();
    await page.getByRole("link", { name: "greet", exact: true }).waitFor();
    assert.equal(await page.getByRole("link", { name: "greet-copy" }).count(), 0);
  },

  "the list: search and group": async (world) => {
    const { page } = world;
    await page.goto("/actions");
    await page.getByRole("link", { name: "tidy-up" }).waitFor();
    await accessible(page, "the list of actions");
    await world.screenshot("actions-list");
    await page.getByRole("searchbox").fill("greet");
    await page.getByRole("link", { name: "tidy-up" }).waitFor({ state: "hidden" });
    await page.getByRole("searchbox").press("Escape");
    await page.getByLabel("Group by").selectOption("type");
    await page.getByRole("button", { name: /Type:\s*Command/ }).waitFor();
  },

  "actions on a phone": async (world) => {
    const { context, page } = await openOnPhone(world);
    await open(page, "greet");
    await fits(page, "an action on a phone");
    await world.screenshot("phone-action", page);
    for (const [name, part] of [
      ["Draft", "Who may run it"],
      ["Versions", "Difference"],
    ]) {
      await tab(page, name);
      await page.getByRole("region", { name: part, exact: true }).waitFor();
      await fits(page, `${name} of an action on a phone`);
    }
    await button(page, "Edit").click();
    await page.getByRole("group", { name: "Parameter whom" }).waitFor();
    await fits(page, "the form for an action on a phone");
    await page.goBack();
    await button(page, "Run").click();
    await page.getByRole("textbox", { name: "whom" }).waitFor();
    await fits(page, "the form that runs an action on a phone");
    await context.close();
  },
};
