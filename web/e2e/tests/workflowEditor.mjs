import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { call, workflowNamed } from "../api.mjs";
import { accessible, assert, fits, tabTo, until } from "../expect.mjs";
import { inLightAndDark } from "../looks.mjs";
import { addUser, cover, openAs, SMALL_PHONE, signInAgain, signOut } from "../people.mjs";
import { ready } from "./agents.mjs";

const HOST = "e2e-1";
const LIMIT_MS = 60_000;
const NAME = "drawn";
const VERA = { user: "vera", password: "a-long-enough-password" };

const head = (page) => page.getByRole("main").locator("header").first();
const button = (page, name) => page.getByRole("button", { name, exact: true });
const node = (page, id) => page.getByRole("group", { name: new RegExp(`^Step ${id},`) });
const tile = (page, name) => button(page, `Add ${name}`);
const form = (page) => page.getByRole("region", { name: "Form", exact: true });
/** A star behind a label says that the field is required. */
const field = (page, name) => form(page).getByLabel(new RegExp(`^${name}(?: \\*)?$`));
const code = (page) => page.getByRole("textbox", { name: "Code", exact: true });
const route = (page, from, when, to) =>
  page.getByRole("group", { name: `Route of ${from} on ${when}, to ${to}`, exact: true });

async function open(page, name) {
  await page.goto("/workflows");
  await page.getByRole("link", { name, exact: true }).click();
  await page.getByRole("heading", { name, exact: true }).waitFor();
  await page.getByRole("tab", { name: /^Steps/, selected: true }).waitFor();
}

const showCode = async (page) => {
  await page.getByRole("tab", { name: "Code" }).click();
  await code(page).waitFor();
};
const showSteps = async (page) => {
  await page.getByRole("tab", { name: /^Steps/ }).click();
  await page.getByText("Start", { exact: true }).waitFor();
};

async function save(page) {
  await page.keyboard.press("Control+s");
  await head(page).getByText("not saved").waitFor({ state: "hidden" });
  const { id } = await workflowNamed(page, NAME);
  return (await call(page, "GET", `/api/v1/workflows/${id}`)).draft_source;
}

const middle = async (locator) => {
  const { x, y, width, height } = await locator.boundingBox();
  return { x: x + width / 2, y: y + height / 2 };
};

/** Until nothing moves any more: places taken before are those of another picture. */
async function arrange(page) {
  await button(page, "Arrange").click();
  await page.evaluate(async () => {
    const moving = () => document.querySelectorAll(".react-flow__viewport, .react-flow__node");
    const picture = () => JSON.stringify([...moving()].map((one) => one.getBoundingClientRect()));
    let before = "";
    for (let same = 0; same < 10; ) {
      await new Promise(requestAnimationFrame);
      const now = picture();
      same = now === before ? same + 1 : 0;
      before = now;
    }
  });
}

/** From one place to another with the mouse, slowly enough for what lies between to notice. */
async function drag(page, from, to) {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(from.x + 12, from.y + 12, { steps: 4 });
  await page.mouse.move(to.x, to.y, { steps: 12 });
  await page.mouse.up();
}

/** Opens the form of a step without a mouse. */
async function edit(page, id) {
  await node(page, id).focus();
  await page.keyboard.press("Enter");
  // What is filled in before the form has the focus would lose it in the middle.
  await until(`the form of ${id} has the focus`, () =>
    field(page, "Id").evaluate(
      (element, wanted) => element === document.activeElement && element.value === wanted,
      id,
    ),
  );
}

async function rename(page, from, to) {
  await edit(page, from);
  await field(page, "Id").fill(to);
  await page.keyboard.press("Enter");
  await node(page, to).waitFor();
}

const shell = (world) => {
  const file = join(world.folder, "rounds");
  writeFileSync(file, "0\n");
  return `n=$(($(cat ${file}) + 1)); echo $n > ${file}; echo "{\\"n\\": $n}"`;
};

export default {
  "from nothing: a step is dragged into the graph, and its form is filled in": async (world) => {
    const { page } = world;
    await page.setViewportSize({ width: 1440, height: 900 });
    await ready(world, HOST);
    await page.goto("/workflows");
    await button(page, "New workflow").first().click();
    const dialog = page.getByRole("dialog", { name: "New workflow" });
    await dialog.getByLabel("Name").fill(NAME);
    await dialog.getByRole("button", { name: "Create and write it" }).click();
    await page.getByRole("heading", { name: NAME, exact: true }).waitFor();
    await node(page, "look").focus();
    await page.keyboard.press("Delete");
    await page.getByText("There is no step yet").waitFor();
    const canvas = await middle(page.locator(".react-flow"));
    await drag(page, await middle(tile(page, "Command")), canvas);
    await node(page, "command").waitFor();
    await rename(page, "command", "count");
    await field(page, "Command").fill(shell(world));
    await form(page).getByRole("switch", { name: "Run by a shell" }).click();
    await page.keyboard.press("Escape");
    await page.locator(".react-flow__pane").click({ position: { x: 20, y: 300 } });
    await form(page).getByRole("button", { name: "Choose hosts" }).click();
    const hosts = page.getByRole("dialog", { name: "Choose hosts" });
    await hosts.getByLabel("Hosts", { exact: true }).first().fill(HOST);
    await page.getByRole("option", { name: new RegExp(`^${HOST}`) }).click();
    await hosts.getByRole("heading", { name: "Choose hosts" }).click();
    await page.getByRole("listbox").waitFor({ state: "hidden" });
    await accessible(page, "the dialog that chooses hosts");
    await hosts.getByRole("button", { name: "Take these hosts" }).click();
    await form(page).getByText(HOST).waitFor();
  },

  "steps are added with keys alone, each behind the one before": async ({ page }) => {
    await node(page, "count").focus();
    await page.keyboard.press(" ");
    for (const [type, id] of [
      ["Condition", "check"],
      ["Parallel", "parallel"],
      ["Approval", "approval"],
      ["Delay", "delay"],
      ["Command", "command"],
      ["Condition", "check_2"],
    ]) {
      await tile(page, type).focus();
      await page.keyboard.press("Enter");
      await node(page, id).waitFor({ state: "attached" });
    }
    for (const [from, to] of [
      ["check", "again"],
      ["parallel", "both"],
      ["approval", "ask"],
      ["delay", "rest"],
      ["command", "deploy"],
      ["check_2", "fine"],
    ]) {
      await rename(page, from, to);
    }
    await edit(page, "rest");
    await field(page, "Minutes").fill("");
    await field(page, "Seconds").fill("1");
    await edit(page, "deploy");
    await form(page).getByText("As arguments").click();
    await field(page, "Program").fill("echo");
    await button(page, "Add an argument").click();
    await field(page, "Argument 1").fill("round {{step_count.json.n}}");
    await edit(page, "ask");
    await field(page, "Title").fill("Deploy round {{step_count.json.n}}?");
    await edit(page, "fine");
    await field(page, "Condition").fill("step_deploy.exit_code == 0");
  },

  "a variable is offered and taken with keys": async (world) => {
    const { page } = world;
    await edit(page, "again");
    await field(page, "Condition").fill("");
    await field(page, "Condition").pressSequentially("step_co");
    const offers = page.getByRole("listbox", { name: "Variables for Condition" });
    await offers.getByRole("option", { name: "step_count.exit_code" }).waitFor();
    await world.screenshot("workflow-editor-variables");
    await accessible(page, "variables that are offered");
    while ((await offers.getByRole("option", { selected: true }).textContent()) !== "step_count.json") {
      await page.keyboard.press("ArrowDown");
    }
    await page.keyboard.press("Enter");
    await offers.waitFor({ state: "hidden" });
    await page.keyboard.type(".n < 2");
    assert.equal(await field(page, "Condition").inputValue(), "step_count.json.n < 2");
  },

  "branches take steps by mouse and by keys, and routes are drawn": async (world) => {
    const { page } = world;
    await arrange(page);
    for (const branch of [0, 1]) {
      const box = page.locator(`.react-flow__node[data-id="branch:/steps/2/branches/${branch}"]`);
      await drag(page, await middle(tile(page, "Command")), await middle(box));
      const id = branch === 0 ? "command" : "command_2";
      await node(page, id).waitFor({ state: "attached" });
      await edit(page, id);
      await field(page, "Command").fill(branch === 0 ? "echo left" : "echo right");
      await arrange(page);
    }
    await rename(page, "command", "left");
    await rename(page, "command_2", "right");
    await node(page, "left").focus();
    await page.keyboard.press(" ");
    await tile(page, "Delay").focus();
    await page.keyboard.press("Enter");
    await node(page, "delay").waitFor({ state: "attached" });
    await edit(page, "delay");
    await field(page, "Minutes").fill("");
    await field(page, "Seconds").fill("1");
    await edit(page, "right");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+d");
    await node(page, "right_2").waitFor({ state: "attached" });
    await edit(page, "both");
    await field(page, "Name of branch 1").fill("west");

    await arrange(page);
    await world.screenshot("workflow-editor-before-routes");
    const handle = node(page, "again").locator('[data-handleid="true"]');
    await drag(page, await middle(handle), await middle(node(page, "count")));
    await route(page, "again", "true", "count").waitFor({ state: "attached" });
    await arrange(page);
    await drag(page, await middle(handle), await middle(node(page, "left")));
    await page.getByText("no route leads into a branch or out of it").waitFor();
    await edit(page, "again");
    await field(page, "When false").selectOption("both");
    await route(page, "again", "false", "both").waitFor({ state: "attached" });
    await edit(page, "ask");
    await field(page, "On failure").selectOption("cancelled");
    await route(page, "ask", "failure", "cancelled").waitFor({ state: "attached" });
  },

  "a step is dropped onto a route": async ({ page }) => {
    await arrange(page);
    const above = await middle(node(page, "fine"));
    const exit = await middle(node(page, "fine").locator('[data-handleid="true"]'));
    const end = await middle(page.locator('.react-flow__node[data-id="end:completed"]'));
    await drag(page, await middle(tile(page, "Command")), {
      x: (exit.x + end.x) / 2,
      y: (Math.max(exit.y, above.y) + end.y) / 2,
    });
    await node(page, "command").waitFor({ state: "attached" });
    await rename(page, "command", "tell");
    await field(page, "Command").fill("echo {{step_deploy.stdout}}");
    await route(page, "fine", "true", "tell").waitFor({ state: "attached" });
    await route(page, "tell", "success", "completed").waitFor({ state: "attached" });
  },

  "a route is led to another step by its end, and one is cut": async ({ page }) => {
    await arrange(page);
    const loop = route(page, "again", "true", "count");
    await drag(
      page,
      await middle(loop.locator(".react-flow__edgeupdater-target")),
      await middle(node(page, "rest")),
    );
    await route(page, "again", "true", "rest").waitFor({ state: "attached" });
    await loop.waitFor({ state: "detached" });
    await button(page, "Undo").first().click();
    await loop.waitFor({ state: "attached" });
    const cancelled = route(page, "ask", "failure", "cancelled");
    await cancelled.focus();
    await page.keyboard.press("Delete");
    await cancelled.waitFor({ state: "detached" });
    await button(page, "Undo").first().click();
    await cancelled.waitFor({ state: "attached" });
  },

  "what was drawn is saved as YAML that somebody could have written": async (world) => {
    const { page } = world;
    await page.getByText("not saved").waitFor();
    const source = await save(page);
    assert.ok(source.startsWith("# Steps run one after another."), source);
    assert.ok(
      source.includes("hosts:\n  agents:\n    - e2e-1\nsteps:\n  - id: count\n    type: command\n"),
      source,
    );
    assert.ok(
      source.includes(
        "  - id: again\n    type: conditional\n    condition: step_count.json.n < 2\n    on_true: count\n    on_false: both\n",
      ),
      source,
    );
    assert.ok(source.includes("      - name: west\n        steps:\n          - id: left\n"), source);
    assert.ok(source.includes("    argv:\n      - echo\n      - round {{step_count.json.n}}\n"), source);
    const { id } = await workflowNamed(page, NAME);
    const { draft, steps } = await call(page, "GET", `/api/v1/workflows/${id}`);
    assert.equal(draft.steps.length, 8);
    assert.equal(steps, 12);
    await arrange(page);
    await fits(page, "the editor of a workflow");
    await inLightAndDark(world, page, "workflow-editor");
    await edit(page, "again");
    await inLightAndDark(world, page, "workflow-editor-condition");
    await page.setViewportSize({ width: 1024, height: 768 });
    await edit(page, "deploy");
    await fits(page, "the editor of a workflow in a small window");
    await inLightAndDark(world, page, "workflow-editor-1024");
    await page.setViewportSize({ width: 1440, height: 900 });
  },

  "what is typed as code is seen in the graph, and comments survive what is drawn": async (world) => {
    const { page } = world;
    const { id } = await workflowNamed(page, NAME);
    const { draft_source: before } = await call(page, "GET", `/api/v1/workflows/${id}`);
    const after = before.replace(
      "  - id: rest\n",
      "  # A moment.\n  - id: rest   # of all\n    name: Take a breath\n",
    );
    await showCode(page);
    await code(page).click();
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText(after);
    await showSteps(page);
    await page
      .getByRole("group", { name: /^Step rest, Delay. Take a breath/ })
      .waitFor({ state: "attached" });
    await edit(page, "rest");
    await field(page, "Seconds").fill("2");
    const source = await save(page);
    assert.equal(
      source,
      after.replace(
        "name: Take a breath\n    type: delay\n    seconds: 1",
        "name: Take a breath\n    type: delay\n    seconds: 2",
      ),
    );
  },

  "one history holds for the graph and the code": async ({ page }) => {
    await rename(page, "rest", "pause");
    await showCode(page);
    await code(page).click();
    await page.keyboard.press("Control+z");
    await showSteps(page);
    await node(page, "rest").waitFor({ state: "attached" });
    await button(page, "Redo").click();
    await node(page, "pause").waitFor({ state: "attached" });
    await node(page, "pause").focus();
    await page.keyboard.press("Control+z");
    await node(page, "rest").waitFor({ state: "attached" });
    await page.keyboard.press("Control+Shift+z");
    await node(page, "pause").waitFor({ state: "attached" });
    await button(page, "Undo").first().click();
    await node(page, "rest").waitFor({ state: "attached" });
    await head(page).getByText("not saved").waitFor({ state: "hidden" });
  },

  "steps are copied, pasted, and deleted with the way back": async ({ page }) => {
    await node(page, "tell").focus();
    await page.keyboard.press("Control+c");
    assert.match(
      await page.evaluate(() => navigator.clipboard.readText()),
      /^- id: tell\n {2}type: command\n/,
    );
    await page.keyboard.press("Control+v");
    await node(page, "tell_2").waitFor({ state: "attached" });
    await button(page, "Undo").first().click();
    await node(page, "tell_2").waitFor({ state: "detached" });
    await node(page, "count").focus();
    await page.keyboard.press("Delete");
    await node(page, "count").waitFor({ state: "detached" });
    const toast = page.getByRole("alert").filter({ hasText: "count is deleted, and 1 route that led there" });
    await toast.getByRole("button", { name: "Undo" }).click();
    await node(page, "count").waitFor({ state: "attached" });
    await route(page, "again", "true", "count").waitFor({ state: "attached" });
    await head(page).getByText("not saved").waitFor({ state: "hidden" });
  },

  "what is cut is pasted again with keys alone": async ({ page }) => {
    await node(page, "tell").focus();
    await page.keyboard.press(" ");
    await page.keyboard.press("Control+x");
    await node(page, "tell").waitFor({ state: "detached" });
    await until("the step before has the focus", () =>
      node(page, "fine").evaluate((element) => element === document.activeElement),
    );
    await page.keyboard.press("Control+v");
    await until("the pasted step has the focus", () =>
      node(page, "tell").evaluate((element) => element === document.activeElement),
    );
    await button(page, "Undo").first().click();
    await button(page, "Undo").first().click();
    await head(page).getByText("not saved").waitFor({ state: "hidden" });
  },

  "an empty branch is filled with keys alone": async ({ page }) => {
    await edit(page, "both");
    await button(page, "Add a branch").focus();
    await page.keyboard.press("Enter");
    await form(page)
      .getByText(/^branch 3 has no steps: give at least one$/)
      .waitFor();
    await button(page, "Add a step to Branch 3").focus();
    await page.keyboard.press("Enter");
    const delay = page.getByRole("menuitem", { name: "Delay" });
    for (let pressed = 0; pressed < 20; pressed += 1) {
      await page.keyboard.press("ArrowDown");
      if (await delay.evaluate((element) => element === document.activeElement)) {
        break;
      }
    }
    await page.keyboard.press("Enter");
    await until("the new step has the focus", () =>
      node(page, "delay_2").evaluate((element) => element === document.activeElement),
    );
    assert.equal(await field(page, "Id").inputValue(), "delay_2");
    assert.equal(await field(page, "On success").count(), 1);
    assert.equal(await field(page, "On failure").count(), 0, "a delay fails at nothing");
    await page.getByRole("tab", { name: "Steps (13)" }).waitFor();
    await button(page, "Undo").first().click();
    await button(page, "Undo").first().click();
    await head(page).getByText("not saved").waitFor({ state: "hidden" });
    await page.getByRole("tab", { name: "Steps (12)" }).waitFor();
  },

  "keys that cannot save say why": async ({ page }) => {
    await node(page, "tell").focus();
    await page.keyboard.press(" ");
    await tile(page, "Script").click();
    await page.getByRole("group", { name: /^Step script, Script. not chosen yet/ }).waitFor();
    await form(page).getByText("Choose a script", { exact: true }).waitFor();
    await page.keyboard.press("Control+s");
    await page.getByRole("alert").filter({ hasText: "Not saved" }).getByText(/error/).waitFor();
    await button(page, "Undo").first().click();
    await head(page).getByText("not saved").waitFor({ state: "hidden" });
  },

  "what saving and publishing find is said at the step": async (world) => {
    const { page } = world;
    await rename(page, "rest", "pause");
    await save(page);
    await page.getByText("is saved, with 1 warning").first().waitFor();
    await page.getByRole("group", { name: /^Step ask, .*warning: / }).waitFor();
    await showCode(page);
    const problems = page.getByRole("region", { name: "Problems", exact: true });
    await problems.getByText("1 warning", { exact: true }).waitFor();
    await world.screenshot("workflow-editor-saved-warning");
    await button(page, "Publish").click();
    const dialog = page.getByRole("dialog", { name: `Publish ${NAME}` });
    await dialog.getByRole("button", { name: "Publish" }).click();
    const refusal = dialog.getByRole("alert");
    await refusal.getByText("Step ask").waitFor();
    assert.doesNotMatch(await refusal.innerText(), /draft\.|steps\[|Unprocessable/);
    await world.screenshot("workflow-publish-refused");
    await refusal.getByRole("link", { name: "ask", exact: true }).click();
    await dialog.waitFor({ state: "hidden" });
    await until("the step has the focus", () =>
      node(page, "ask").evaluate((element) => element === document.activeElement),
    );
    await until("its form is open", async () => (await field(page, "Id").inputValue()) === "ask");
    await page.getByRole("group", { name: /^Step ask, .*error: / }).waitFor();
    await world.screenshot("workflow-editor-refused-step");
    await rename(page, "pause", "rest");
    await save(page);
  },

  "a draft that nobody has seen is shown before it is published": async ({ page }) => {
    const { id } = await workflowNamed(page, NAME);
    const address = `/api/v1/workflows/${id}`;
    const { draft_source: source } = await call(page, "GET", address);
    await call(page, "PATCH", address, { source: source.replace("# Steps run", "# Its steps run") });
    await button(page, "Publish").click();
    const dialog = page.getByRole("dialog", { name: `Publish ${NAME}` });
    await dialog.getByRole("button", { name: "Publish" }).click();
    await page
      .getByRole("alert")
      .filter({ hasText: `${NAME} is not published` })
      .getByText("admin saved a newer draft meanwhile")
      .waitFor();
    await dialog.waitFor({ state: "hidden" });
    await showCode(page);
    await code(page).getByText("# Its steps run").waitFor();
    await call(page, "PATCH", address, { source });
    await page.reload();
    await showCode(page);
    await code(page).getByText("# Steps run").waitFor();
    await showSteps(page);
  },

  "a session that ends while somebody edits takes nothing with it": async (world) => {
    const { page, password, user } = world;
    await rename(page, "rest", "pause");
    let refused = 0;
    const onResponse = (response) => {
      refused += response.status() === 401 ? 1 : 0;
    };
    page.on("response", onResponse);
    const other = await world.context.newPage();
    await other.goto("/agents");
    await signOut(other);
    await cover(page).waitFor();
    assert.equal(await page.getByRole("dialog", { name: "Leave without saving?" }).count(), 0);
    await accessible(page, "signing in over an edit");
    await world.screenshot("workflow-signed-out");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await signInAgain(page, password);
    await head(page).getByText("not saved").waitFor();
    // The other tab is in again by itself. It goes out once more, and comes back by its own form.
    await other.getByRole("heading", { name: "Agents", exact: true }).waitFor();
    await signOut(other);
    await cover(page).waitFor();
    await other.getByLabel("User name").fill(user);
    await other.getByLabel("Password", { exact: true }).fill(password);
    await other.getByRole("button", { name: "Sign in" }).click();
    await cover(page).waitFor({ state: "hidden" });
    await other.close();
    page.off("response", onResponse);
    assert.ok(refused < 20, `${refused} calls were refused`);
    assert.match(await save(page), /id: pause/);
  },

  "an edit is saved with a session that nobody told the page of": async ({ page, password, user }) => {
    await rename(page, "pause", "rest");
    const made = await page.request.post("/api/v1/session", { data: { username: user, password } });
    assert.ok(made.ok(), await made.text());
    assert.match(await save(page), /id: rest/);
  },

  "what is wrong is marked where it is": async (world) => {
    const { page } = world;
    await edit(page, "again");
    await field(page, "Condition").fill("step_count.json.n <");
    await page.getByRole("group", { name: /^Step again, .*error: / }).waitFor({ state: "attached" });
    await page.keyboard.press("Escape");
    await world.screenshot("workflow-editor-broken");
    await accessible(page, "a step with an error");
    await button(page, "Undo").first().click();
    await page.getByRole("group", { name: /^Step again, .*error: / }).waitFor({ state: "detached" });

    await showCode(page);
    await code(page).click();
    await page.keyboard.press("Control+Home");
    await page.keyboard.insertText("inputs: [\n");
    await page.getByRole("tab", { name: /^Steps/ }).click();
    await page.getByText("The code cannot be shown as a graph").waitFor();
    await accessible(page, "a text that is no graph");
    await world.screenshot("workflow-editor-unreadable");
    await page.getByRole("button", { name: /^Show line \d+ of the code$/ }).click();
    await code(page).waitFor();
    await page.keyboard.press("Control+z");
    await showSteps(page);
    await node(page, "again").waitFor({ state: "attached" });
  },

  "without a mouse everything can be reached": async (world) => {
    const { page } = world;
    await button(page, "Keyboard shortcuts").click();
    await page.getByText("Duplicate", { exact: true }).waitFor();
    await world.screenshot("workflow-editor-shortcuts");
    await page.keyboard.press("Escape");
    await page.getByRole("tab", { name: /^Steps/ }).focus();
    await tabTo(page, tile(page, "Script"));
    await tabTo(page, node(page, "count"), 80);
    await page.keyboard.press("ArrowDown");
    assert.ok(await node(page, "again").evaluate((element) => element === document.activeElement));
    await page.keyboard.press("Enter");
    await until("the form has the focus", () =>
      field(page, "Id").evaluate((element) => element === document.activeElement),
    );
    await page.keyboard.press("Escape");
    assert.ok(await node(page, "again").evaluate((element) => element === document.activeElement));
  },

  "it is published with keys alone": async (world) => {
    const { page } = world;
    await addUser(page, { ...VERA, role: "approver", at: "Whole tenant" });
    await open(page, NAME);
    await head(page).getByText("Not published", { exact: true }).waitFor();
    await head(page).getByText("not saved").waitFor({ state: "hidden" });
    await button(page, "Publish").focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: `Publish ${NAME}` });
    await dialog.getByText("becomes version 1,").waitFor();
    const message = dialog.getByLabel("What this version is for");
    await until("the field has the focus", () =>
      message.evaluate((element) => element === document.activeElement),
    );
    await accessible(page, "the dialog that publishes a drawn workflow");
    await page.keyboard.type("drawn");
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "hidden" });
    await head(page).getByText("version 1 runs").waitFor();
    await page.getByRole("tab", { name: "Versions" }).click();
    await page.getByRole("cell", { name: "drawn", exact: true }).waitFor();
  },

  "it runs on a real host, and is approved on a phone": async (world) => {
    const { page } = world;
    await open(page, NAME);
    await button(page, "Run").click();
    await page.getByRole("heading", { name: `Run ${NAME}` }).waitFor();
    await button(page, "Run").click();
    await page.getByRole("heading", { name: /^Instance \d+ of / }).waitFor();
    const instance = Number(page.url().split("/").at(-1));
    // A delay in a branch is a pause as well.
    await head(page).getByText("at ask").waitFor({ timeout: LIMIT_MS });
    await head(page).getByText("Paused", { exact: true }).waitFor();
    const context = await world.newContext(SMALL_PHONE);
    const phone = await context.newPage();
    await world.signIn(phone, VERA.user, VERA.password);
    await phone.goto("/approvals");
    await phone.getByRole("link", { name: "Deploy round 2?" }).tap();
    await button(phone, "Approve").scrollIntoViewIfNeeded();
    await fits(phone, "the approval of a drawn workflow on a phone");
    await button(phone, "Approve").tap();
    await head(phone).getByText("Approved", { exact: true }).waitFor();
    await context.close();
    const done = await until(
      "the instance has ended",
      async () => {
        const now = await call(page, "GET", `/api/v1/instances/${instance}`);
        return ["completed", "failed", "cancelled"].includes(now.state) ? now : undefined;
      },
      LIMIT_MS,
    );
    assert.equal(done.state, "completed", JSON.stringify(done.reason));
    const ran = done.runs.map(({ step }) => step);
    assert.deepEqual(
      ran.filter((step) => step === "count" || step === "again"),
      ["count", "again", "count", "again"],
    );
    assert.equal(new Set(ran).size, 12);
    await head(page).getByText("Completed", { exact: true }).waitFor({ timeout: LIMIT_MS });
    await world.screenshot("workflow-editor-instance");
  },

  "who may only look can open every form and change nothing": async (world) => {
    await addUser(world.page, { user: "vito", password: VERA.password, role: "auditor", at: "Whole tenant" });
    const { context, page } = await openAs(world, { user: "vito", password: VERA.password });
    await open(page, NAME);
    await node(page, "count").click();
    await form(page)
      .getByText(/workflows\.manage/)
      .waitFor();
    assert.ok(await field(page, "Command").isDisabled());
    assert.equal(await tile(page, "Command").getAttribute("aria-disabled"), "true");
    await node(page, "count").focus();
    await page.keyboard.press("Delete");
    await tile(page, "Delay").click({ force: true });
    await node(page, "count").waitFor();
    assert.equal(await head(page).getByText("not saved").count(), 0);
    await accessible(page, "the editor of somebody who may only look");
    await context.close();
    await world.page.setViewportSize({ width: 1280, height: 800 });
  },
};
