import { accessible, assert, fits, until } from "../expect.mjs";
import { addUser, openAs, SMALL_PHONE } from "../people.mjs";
import { ready } from "./agents.mjs";

const HOST = "e2e-1";
const LIMIT_MS = 60_000;
const WANDA = { user: "wanda", password: "a-long-enough-password" };
const WALTER = { user: "walter", password: "a-long-enough-password" };

const head = (page) => page.getByRole("main").locator("header").first();
const tab = (page, name) => page.getByRole("tab", { name }).click();
const button = (page, name) => page.getByRole("button", { name, exact: true });
const code = (page) => page.getByRole("textbox", { name: "Code", exact: true });
const problems = (page) => page.getByRole("region", { name: "Problems", exact: true });

/** The editor's text is replaced as by somebody who types. */
async function write(page, text) {
  await code(page).click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(text);
}

const RELEASE = `# Builds, asks, and deploys.
inputs:
  - name: what
    type: string
    required: true
    description: What is deployed
  - {name: token, type: secret}
hosts:
  agents: [${HOST}]
steps:
  - id: build
    name: Build it
    type: command
    command: echo built {{inputs.what}}
  - id: ask
    type: approval
    title: Deploy {{inputs.what}}?
    description: |
      It was built a moment ago.
      Look at the hosts before you answer.
    approval_type: one_of_many
    approvers: ["role:approver"]
    timeout_minutes: 60
    on_failure: cancelled
  - id: deploy
    type: command
    argv: [echo, "deployed {{inputs.what}}"]
    timeout_seconds: 60
`;

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

const workflowNamed = async (page, name) =>
  (await call(page, "GET", `/api/v1/workflows?filter=name:${name}`)).items[0];

async function open(page, name) {
  await page.goto("/workflows");
  await page.getByRole("link", { name, exact: true }).click();
  await page.getByRole("heading", { name, exact: true }).waitFor();
  await tab(page, "Code");
}

async function newWorkflow(page, name) {
  await page.goto("/workflows");
  await button(page, "New workflow").first().click();
  const dialog = page.getByRole("dialog", { name: "New workflow" });
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByRole("button", { name: "Create and write it" }).click();
  await page.getByRole("heading", { name, exact: true }).waitFor();
  await tab(page, "Code");
}

async function save(page) {
  await button(page, "Save").click();
  await head(page).getByText("not saved").waitFor({ state: "hidden" });
}

async function publish(page, version, message = "") {
  await button(page, "Publish").click();
  const dialog = page.getByRole("dialog", { name: /^Publish / });
  await dialog.getByText(`becomes version ${version},`).waitFor();
  await dialog.getByLabel("What this version is for").fill(message);
  await dialog.getByRole("button", { name: "Publish" }).click();
  await dialog.waitFor({ state: "hidden" });
  await head(page).getByText(`version ${version} runs`).waitFor();
}

/** Starts a workflow by the API, and gives the instance. */
async function start(page, name, body) {
  const { id } = await workflowNamed(page, name);
  return call(page, "POST", `/api/v1/workflows/${id}/instances`, body);
}

const approvalOf = (page, instance) =>
  until("the question is asked", async () => {
    const { items } = await call(page, "GET", `/api/v1/approvals?filter=instance:${instance}`);
    return items[0];
  });

async function inLightAndDark(world, page, name) {
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    await page.locator(`html[data-mantine-color-scheme=${colorScheme}]`).waitFor({ state: "attached" });
    // A colour on its way to another is neither of them.
    await page.evaluate(() =>
      Promise.all(
        document
          .getAnimations()
          .filter((animation) => animation instanceof CSSTransition)
          .map((transition) => transition.finished.catch(() => {})),
      ),
    );
    await accessible(page, `${name} (${colorScheme})`);
    await world.screenshot(`${name}-${colorScheme}`, page);
  }
}

export default {
  "without workflows the page says what to do": async (world) => {
    const { page } = world;
    await ready(world, HOST);
    await page.goto("/workflows");
    await page.getByText("There are no workflows yet").waitFor();
    await accessible(page, "the empty list of workflows");
    await world.screenshot("workflows-empty");
    await page.goto("/instances");
    await page.getByText("No workflow has been run yet").waitFor();
    await page.goto("/approvals");
    await page.getByText("Nothing was ever asked").waitFor();
  },

  "an error in the code is marked where it is, and cannot be saved": async (world) => {
    const { page } = world;
    await newWorkflow(page, "release");
    await problems(page).getByText("No problem found").waitFor();
    await head(page).getByText("Not published").waitFor();
    await write(page, RELEASE.replace("echo built {{inputs.what}}", "echo built {{inputs.waht}}"));
    await problems(page).getByText("1 error").waitFor();
    const found = page.getByRole("list", { name: "Problems of the code" }).getByRole("listitem");
    await found.getByText("/steps/0/command").waitFor();
    await found.getByText(/waht/).waitFor();
    await page.locator(".cm-lintRange-error").first().waitFor();
    assert.equal(await button(page, "Save").getAttribute("aria-disabled"), "true");
    await button(page, "Save").hover();
    await page.getByRole("tooltip").getByText("It has 1 error").waitFor();
    await page.getByRole("heading", { name: "release", exact: true }).hover();
    await found.getByRole("button", { name: "Line 14" }).click();
    assert.ok(await code(page).evaluate((element) => element.getRootNode().activeElement === element));
    await inLightAndDark(world, page, "workflow-problem");
  },

  "a text that is no YAML is told apart": async ({ page }) => {
    await write(page, "steps: [");
    await problems(page)
      .getByText(/is no YAML/)
      .waitFor();
    await problems(page)
      .getByRole("button", { name: /^Line / })
      .waitFor();
    await page.getByRole("tab", { name: "Code" }).focus();
    await page.keyboard.press("Control+s");
    await page.getByRole("alert").filter({ hasText: "Not saved" }).getByText(/error/).waitFor();
  },

  "what is right is saved": async (world) => {
    const { page } = world;
    await write(page, RELEASE);
    await problems(page).getByText("No problem found").waitFor();
    await save(page);
    await page.reload();
    await code(page).getByText("# Builds, asks, and deploys.").waitFor();
    await code(page).getByText("Deploy {{inputs.what}}?").waitFor();
    await fits(page, "a workflow");
    await inLightAndDark(world, page, "workflow");
  },

  "an edit is not lost by leaving, nor by somebody else's": async (world) => {
    const { page } = world;
    await write(page, RELEASE.replace("# Builds", "# Mine builds"));
    await page.getByRole("link", { name: "Agents", exact: true }).click();
    const leave = page.getByRole("dialog", { name: "Leave without saving?" });
    await leave.getByRole("button", { name: "Keep as it is" }).click();
    const { id } = await workflowNamed(page, "release");
    await call(page, "PATCH", `/api/v1/workflows/${id}`, {
      source: RELEASE.replace("60\n    on_failure", "30\n    on_failure"),
    });
    await button(page, "Save").click();
    const notice = page.getByRole("alert").filter({ hasText: "Somebody saved a newer draft meanwhile" });
    await notice.getByRole("button", { name: "Show the difference" }).click();
    const dialog = page.getByRole("dialog", { name: "The newest draft and your edit" });
    await dialog.getByText("timeout_minutes: 30").first().waitFor();
    await accessible(page, "a newer draft of a workflow");
    await world.screenshot("workflow-newer-draft");
    await page.keyboard.press("Escape");
    await notice.getByRole("button", { name: "Keep my edit as the draft" }).click();
    await notice.waitFor({ state: "hidden" });
    await code(page).getByText("# Mine builds").waitFor();
    // The button that was pressed is gone: the keys work in the editor.
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText(RELEASE);
    await page.keyboard.press("Control+s");
    await head(page).getByText("not saved").waitFor({ state: "hidden" });
  },

  "steps say where they lead": async (world) => {
    const { page } = world;
    await tab(page, /^Steps/);
    await page.getByText("List", { exact: true }).click();
    const steps = page.getByRole("list", { name: "Steps", exact: true });
    await steps.getByText("echo built {{inputs.what}}").waitFor();
    const routes = page.getByRole("list", { name: "Where ask leads" });
    await routes.getByText("the workflow ends cancelled").waitFor();
    await routes.getByRole("button", { name: "deploy" }).click();
    assert.equal(await page.evaluate(() => document.activeElement?.id), "step-deploy");
    await page
      .getByRole("table", { name: "Inputs" })
      .getByRole("row", { name: /what string Yes/ })
      .waitFor();
    await inLightAndDark(world, page, "workflow-steps");
  },

  "it is published before it runs": async (world) => {
    const { page } = world;
    await addUser(page, { ...WANDA, role: "approver", at: "Whole tenant" });
    await addUser(page, { ...WALTER, role: "approver", at: "Whole tenant" });
    await open(page, "release");
    await button(page, "Run").hover();
    await page.getByRole("tooltip").getByText("It is not published").waitFor();
    await publish(page, 1, "the first");
    await head(page).getByText("Published", { exact: true }).waitFor();
    await button(page, "Publish").hover();
    await page.getByRole("tooltip").getByText("The draft says what version 1 says").waitFor();
    await page.goto("/workflows");
    await page.getByRole("row", { name: /release.* 3 1 Published/ }).waitFor();
    await inLightAndDark(world, page, "workflows");
  },

  "the form that runs it asks for its inputs, and is the same as a command": async (world) => {
    const { page } = world;
    await open(page, "release");
    await button(page, "Run").click();
    await page.getByRole("heading", { name: "Run release" }).waitFor();
    await button(page, "Run").click();
    await page.getByRole("alert").getByText("Give “what”").waitFor();
    await page.getByRole("textbox", { name: "what" }).fill("moon $(id) it's");
    await page.getByLabel("token").fill("s3cret-of-a-workflow");
    await page.getByText("1 host", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Copy as CLI or curl" }).click();
    const cli = await page.getByRole("group", { name: /^CLI/ }).innerText();
    const curl = await page.getByRole("group", { name: /^curl/ }).innerText();
    assert.equal(cli, "postern workflow run release '--input=what=moon $(id) it'\\''s' --secret=token");
    assert.match(curl, /\/api\/v1\/workflows\/\d+\/instances/);
    assert.ok(!curl.includes("s3cret-of-a-workflow"));
    await inLightAndDark(world, page, "workflow-run");
    await button(page, "Run").click();
    await page.getByRole("heading", { name: /^Instance \d+ of / }).waitFor();
  },

  "its page shows how far it is, and waits by itself": async (world) => {
    const { page } = world;
    await head(page).getByText("Paused", { exact: true }).waitFor({ timeout: LIMIT_MS });
    await head(page).getByText("at ask").waitFor();
    await tab(page, "Timeline");
    await page.getByRole("list", { name: "What happened" }).getByText(/Asked/).waitFor();
    await tab(page, /^Steps/);
    const runs = page.getByRole("table", { name: "Steps that began" });
    await runs.getByRole("row", { name: /1 build.*Succeeded.*the start/ }).waitFor();
    await runs.getByRole("row", { name: /2 ask.*Waits for people.*run 1 succeeded/ }).waitFor();
    await page
      .getByRole("table", { name: "Inputs" })
      .getByRole("row", { name: /token secret/ })
      .waitFor();
    assert.ok(!(await page.content()).includes("s3cret-of-a-workflow"));
    await fits(page, "an instance");
    await inLightAndDark(world, page, "instance-paused");
  },

  "who started it cannot approve it, and reads why": async (world) => {
    const { page } = world;
    await page.getByRole("link", { name: /^Approval \d+$/ }).click();
    await page.getByRole("heading", { name: "Deploy moon $(id) it's?" }).waitFor();
    assert.equal(await button(page, "Approve").getAttribute("aria-disabled"), "true");
    await page
      .getByText("You started it or what it tries again, or ran its schedule now: others answer")
      .waitFor();
    const asked = page.getByRole("list", { name: "Who was asked" });
    await asked.getByText("wanda").waitFor();
    await asked.getByText("walter").waitFor();
    await inLightAndDark(world, page, "approval");
  },

  "somebody else is asked in the place of one who has not answered": async (world) => {
    const { page } = world;
    await addUser(page, { ...WALTER, user: "wilma", role: "operator", at: "Whole tenant" });
    await page.goto("/approvals");
    await page.getByRole("link", { name: "Deploy moon $(id) it's?" }).click();
    await page.getByRole("button", { name: "Let somebody else answer for walter" }).click();
    const dialog = page.getByRole("dialog", { name: "Somebody else instead of walter" });
    const who = dialog.getByRole("textbox", { name: "Who answers" }).or(dialog.getByRole("combobox")).first();
    await who.fill("wilma");
    await page.getByRole("option", { name: "wilma" }).click();
    await accessible(page, "the dialog that delegates");
    await dialog.getByRole("button", { name: "Ask them instead" }).click();
    await dialog.waitFor({ state: "hidden" });
    await page.getByRole("list", { name: "Who was asked" }).getByText("in place of walter").waitFor();
  },

  "a second user approves it on a phone": async (world) => {
    for (const colorScheme of ["dark", "light"]) {
      const context = await world.newContext({ ...SMALL_PHONE, colorScheme });
      const page = await context.newPage();
      await world.signIn(page, WANDA.user, WANDA.password);
      await button(page, "Open menu").click();
      const place = page.getByRole("dialog", { name: "Menu" }).getByRole("link", { name: /^Approvals/ });
      await place.getByText("1").first().waitFor();
      await world.screenshot(`phone-menu-${colorScheme}`, page);
      await place.click();
      const waiting = page.getByRole("link", { name: "Deploy moon $(id) it's?" });
      await waiting.waitFor();
      await fits(page, `the list of approvals on a phone (${colorScheme})`);
      await world.screenshot(`phone-approvals-${colorScheme}`, page);
      await waiting.click();
      await page.getByRole("heading", { name: "Deploy moon $(id) it's?" }).waitFor();
      const step = page.getByRole("region", { name: "Step deploy" });
      await step.getByText("deployed moon $(id) it's", { exact: true }).waitFor();
      await step.getByRole("list", { name: "Hosts of deploy" }).getByText(HOST).waitFor();
      await fits(page, `an approval on a phone (${colorScheme})`);
      await accessible(page, `an approval on a phone (${colorScheme})`);
      await world.screenshot(`phone-approval-${colorScheme}`, page);
      if (colorScheme === "light") {
        await page.getByLabel("Comment").fill("Looks <b>fine</b>");
        await button(page, "Approve").scrollIntoViewIfNeeded();
        await world.screenshot("phone-approval-answer", page);
        await button(page, "Approve").tap();
        await head(page).getByText("Approved", { exact: true }).waitFor();
        await page.getByText("Looks <b>fine</b>").waitFor();
        await page.getByText("It is approved already").waitFor();
        await page.getByText("You have approved it").waitFor({ state: "hidden" });
        await world.screenshot("phone-approval-given", page);
      }
      await context.close();
    }
  },

  "it goes on and ends": async (world) => {
    const { page } = world;
    await page.goto("/instances");
    await page.getByRole("table", { name: "Instances" }).getByRole("link").first().click();
    await head(page).getByText("Completed", { exact: true }).waitFor({ timeout: LIMIT_MS });
    await tab(page, /^Steps/);
    const runs = page.getByRole("table", { name: "Steps that began" });
    await runs.getByRole("row", { name: /3 deploy.*Succeeded/ }).waitFor();
    assert.equal(await button(page, "Cancel").getAttribute("aria-disabled"), "true");
    await inLightAndDark(world, page, "instance");
    await runs
      .getByRole("link", { name: /^Execution/ })
      .last()
      .click();
    await page.getByRole("heading", { name: /^Execution \d+$/ }).waitFor();
    await head(page).getByText("Completed", { exact: true }).waitFor();
    await page.goto("/approvals?filter=state:approved");
    await page.getByRole("row", { name: /Deploy moon.*Approved/ }).waitFor();
    await inLightAndDark(world, page, "approvals");
    await page.goto("/approvals?filter=mine:true");
    await page.getByText("No approval matches").waitFor();
  },

  "a rejection of all who were asked takes the other route": async (world) => {
    const { page } = world;
    const { id } = await start(page, "release", { inputs: { what: "<img src=x>\u202e" } });
    const approval = await approvalOf(page, id);
    for (const [{ user, password }, state] of [
      [WANDA, "Open"],
      [WALTER, "Rejected"],
    ]) {
      const { context, page: theirs } = await openAs(world, { user, password });
      await theirs.goto(`/approvals/${approval.id}`);
      await theirs.getByRole("heading", { name: "Deploy <img src=x><U+202E>?" }).waitFor();
      assert.equal(await theirs.locator("main img").count(), 0, "a text stays a text");
      await theirs.getByLabel("Comment").fill("Not on a Sunday");
      await button(theirs, "Reject").click();
      await theirs.getByText(/You have answered already|It is rejected already/).waitFor();
      await head(theirs).getByText(state, { exact: true }).waitFor();
      await world.screenshot(`approval-rejected-by-${user}`, theirs);
      await context.close();
    }
    await page.goto(`/instances/${id}?tab=steps`);
    await head(page).getByText("Cancelled", { exact: true }).waitFor({ timeout: LIMIT_MS });
    await page.getByRole("row", { name: /2 ask.*Failed/ }).waitFor();
  },

  "the copied command starts it, and an instance is cancelled with a reason": async (world) => {
    const { page } = world;
    const { items: before } = await call(page, "GET", "/api/v1/instances");
    await world.command("postern workflow run release --input=what=mars --secret=token", { token: "shh" });
    const { items } = await call(page, "GET", "/api/v1/instances");
    assert.equal(items.length, before.length + 1);
    await page.goto(`/instances/${items[0].id}?tab=steps`);
    await head(page).getByText("Paused", { exact: true }).waitFor({ timeout: LIMIT_MS });
    await button(page, "Cancel").click();
    const dialog = page.getByRole("dialog", { name: `Cancel instance ${items[0].id}` });
    await dialog.getByLabel("Why").fill("It is Friday");
    await accessible(page, "the dialog that cancels an instance");
    await dialog.getByRole("button", { name: "Cancel the instance" }).click();
    await head(page).getByText("Cancelled", { exact: true }).waitFor({ timeout: LIMIT_MS });
    await head(page)
      .getByText(/It is Friday/)
      .waitFor();
    await page.getByRole("link", { name: /^Approval \d+$/ }).click();
    await head(page).getByText("Withdrawn", { exact: true }).waitFor();
  },

  "the draft is tried on other hosts before it is published": async ({ page }) => {
    await open(page, "release");
    await write(page, RELEASE.replace("echo built {{inputs.what}}", "echo made {{inputs.what}}"));
    await button(page, "Actions for release").click();
    await page
      .getByRole("menuitem", { name: /^Try the draft/ })
      .getByText("Save or drop your edit first")
      .waitFor();
    await page.keyboard.press("Escape");
    await save(page);
    await head(page).getByText("Draft differs").waitFor();
    await button(page, "Actions for release").click();
    await page.getByRole("menuitem", { name: "Try the draft" }).click();
    await page.getByRole("textbox", { name: "what" }).fill("venus");
    await page.getByText("Others", { exact: true }).click();
    await button(page, "Run").click();
    await page.getByRole("alert").getByText("Choose hosts").waitFor();
    const hosts = page
      .getByRole("textbox", { name: /^Hosts/ })
      .or(page.getByRole("combobox", { name: /^Hosts/ }))
      .first();
    await hosts.fill(HOST);
    await page.getByRole("option", { name: new RegExp(`^${HOST}`) }).click();
    await page.keyboard.press("Escape");
    await button(page, "Run").click();
    await page.getByRole("heading", { name: /^Instance \d+ of / }).waitFor();
    await page.getByRole("link", { name: "release, the draft" }).waitFor();
    await head(page).getByText("Paused", { exact: true }).waitFor({ timeout: LIMIT_MS });
    await call(page, "POST", `/api/v1/instances/${page.url().split("/").at(-1)}/cancel`, {});
  },

  "versions are compared, and an old one is restored": async (world) => {
    const { page } = world;
    await open(page, "release");
    await publish(page, 2, "makes");
    await tab(page, "Versions");
    await page.getByRole("cell", { name: "makes", exact: true }).waitFor();
    const difference = page.getByRole("region", { name: "Difference of the versions" });
    await difference.getByRole("textbox", { name: "Version 1" }).getByText("echo built").waitFor();
    await difference.getByRole("textbox", { name: "Version 2" }).getByText("echo made").waitFor();
    await inLightAndDark(world, page, "workflow-versions");
    await button(page, "Restore version 1").click();
    await page.getByRole("dialog").getByRole("button", { name: "Restore to the draft" }).click();
    await page.getByRole("tab", { name: "Code", selected: true }).waitFor();
    await code(page).getByText("echo built").waitFor();
    await head(page).getByText("Draft differs").waitFor();
  },

  "its instances, a copy, and the end of it": async (world) => {
    const { page } = world;
    await tab(page, "Instances");
    const table = page.getByRole("table", { name: "Instances" });
    await table.getByRole("row", { name: /Cancelled.*draft/ }).waitFor();
    assert.equal(await table.getByRole("row").count(), 5, "four of them, and the head");
    await world.screenshot("workflow-instances");
    await page.goto("/instances?filter=state:completed");
    await table.getByRole("row", { name: /Completed.*release/ }).waitFor();
    assert.equal(await table.getByRole("row").count(), 2);
    await page.goto("/instances");
    await table.getByRole("row").nth(4).waitFor();
    await inLightAndDark(world, page, "instances");
    await open(page, "release");
    await button(page, "Actions for release").click();
    await page.getByRole("menuitem", { name: "Clone" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Clone" }).click();
    await page.getByRole("heading", { name: "release-copy", exact: true }).waitFor();
    await tab(page, "Code");
    await code(page).getByText("# Builds, asks, and deploys.").waitFor();
    await button(page, "Actions for release-copy").click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("link", { name: "release", exact: true }).waitFor();
    await page.getByRole("link", { name: "release-copy" }).waitFor({ state: "hidden" });
  },

  "branches run beside each other, and their steps say so": async (world) => {
    const { page } = world;
    await newWorkflow(page, "fan-out");
    await write(
      page,
      `hosts: {agents: [${HOST}]}
steps:
  - id: fork
    type: parallel
    branches:
      - name: left
        steps:
          - {id: one, type: command, command: echo 1}
          - {id: two, type: delay, seconds: 1}
      - - {id: three, type: command, command: echo 3}
  - id: check
    type: conditional
    condition: "{{step_one.exit_code}} == 0"
    on_true: completed
    on_false: failed
`,
    );
    await problems(page)
      .getByText(/No problem found|1 warning/)
      .waitFor();
    await save(page);
    await tab(page, /^Steps/);
    await page.getByText("List", { exact: true }).click();
    await page.getByRole("list", { name: "left of fork" }).getByText("echo 1").waitFor();
    await page
      .getByRole("list", { name: "Where two leads" })
      .getByText("the branch ends completed")
      .waitFor();
    await inLightAndDark(world, page, "workflow-branches");
    await publish(page, 1);
    const { id } = await start(page, "fan-out", {});
    await page.goto(`/instances/${id}?tab=steps`);
    await head(page).getByText("Completed", { exact: true }).waitFor({ timeout: LIMIT_MS });
    await page.getByRole("row", { name: /check.*Succeeded/ }).waitFor();
    await world.screenshot("instance-branches");
  },

  "who may only look finds everything else disabled, with the reason": async (world) => {
    await addUser(world.page, { ...WALTER, user: "willem", role: "auditor", at: "Whole tenant" });
    const context = await world.newContext();
    const page = await context.newPage();
    await world.signIn(page, "willem", WALTER.password);
    await open(page, "release");
    for (const name of ["Save", "Publish", "Run"]) {
      assert.equal(await button(page, name).getAttribute("aria-disabled"), "true", name);
    }
    await button(page, "Actions for release").click();
    for (const name of [/^Run/, /^Try the draft/, /^Publish/, /^Rename/, /^Clone/, /^Delete/]) {
      await page.getByRole("menuitem", { name }).getByText("workflows.manage").waitFor();
    }
    await page.keyboard.press("Escape");
    await page.goto(`${new URL(page.url()).pathname}/run`);
    await page.getByText("It cannot be run").waitFor();
    await context.close();
  },
};
