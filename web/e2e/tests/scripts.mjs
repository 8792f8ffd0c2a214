import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { accessible, assert, fits, until } from "../expect.mjs";
import { cover, openOnPhone, signInAgain, signOut } from "../people.mjs";
import { addAgent } from "./agents.mjs";

/** The editor: its text is replaced as by somebody who types. */
const code = (page) => page.getByRole("textbox", { name: "Code", exact: true });

async function write(page, text) {
  await code(page).click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(text);
}

export async function newScript(page, name, { kind = "script", language = "bash" } = {}) {
  await page.goto(kind === "library" ? "/libraries" : "/scripts");
  await page
    .getByRole("button", { name: `New ${kind}` })
    .first()
    .click();
  const dialog = page.getByRole("dialog", { name: `New ${kind}` });
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("Language").selectOption(language);
  await dialog.getByRole("button", { name: "Create and write it" }).click();
  await page.getByRole("heading", { name, exact: true }).waitFor();
}

async function save(page, version) {
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText(new RegExp(`, version ${version} by`)).waitFor();
  await page.getByText("not saved").waitFor({ state: "hidden" });
}

const tab = (page, name) => page.getByRole("tab", { name }).click();

async function openScript(page, name, list = "scripts") {
  await page.goto(`/${list}`);
  await page.getByRole("link", { name, exact: true }).click();
  await page.getByRole("heading", { name, exact: true }).waitFor();
}

async function addParameter(page, name, type, fill = async () => {}) {
  await page.getByRole("button", { name: "Add a parameter" }).click();
  const row = page.getByRole("group", { name: "Parameter this parameter" });
  await row.getByLabel("Name").fill(name);
  const named = page.getByRole("group", { name: `Parameter ${name}` });
  await named.getByLabel("Type").selectOption(type);
  await fill(named);
}

/** Saves it so many times, and gives the newest version. */
async function makeVersions(page, name, count) {
  const { csrf_token: csrf } = await (await page.request.get("/api/v1/session")).json();
  const { items } = await (await page.request.get(`/api/v1/scripts?filter=name:${name}`)).json();
  const address = `/api/v1/scripts/${items[0].id}`;
  let script = await (await page.request.get(address)).json();
  for (let change = 1; change <= count; change += 1) {
    const saved = await page.request.patch(address, {
      headers: { "X-CSRF-Token": csrf },
      data: {
        definition: { ...script.definition, content: `echo ${change}\n` },
        message: `change ${change}`,
        based_on: script.version,
      },
    });
    script = await saved.json();
  }
  return script.version;
}

const SECRET = "hunter2-e2e-canary";

const textFile = (name, text) => ({ name, mimeType: "text/plain", buffer: Buffer.from(text) });

const HELLO = `# ---
# name: hello
# kind: library
# ---
hello() { echo "Hello $1"; }
`;

const GREETING = `#!/bin/bash
# ---
# name: greeting
# description: "Says it: loudly"
# parameters: [{name: whom, type: string, default: "yes"}]
# libraries: [{library: hello}]
# ---
hello "$PARAM_WHOM, World"
`;

// The host is told by the agent's own folder, in which a job starts.
const CHECK = `#!/bin/bash
set -euo pipefail
log "title is $PARAM_TITLE, count is $PARAM_COUNT"
echo "the token is $PARAM_TOKEN"
case "$PWD" in
  *agent-e2e-2*)
    if [ ! -e "$PARAM_MARK" ]; then touch "$PARAM_MARK"; echo "not today" >&2; exit 3; fi ;;
esac
echo "done here"
`;

export default {
  "without scripts the page says what to do": async (world) => {
    const { page } = world;
    await page.goto("/scripts");
    await page.getByText("There are no scripts yet").waitFor();
    await page.goto("/libraries");
    await page.getByText("There are no libraries yet").waitFor();
  },

  "a third agent": async (world) => {
    const { page } = world;
    const third = await addAgent(page, "e2e-3", { env: "test" });
    world.startAgent("e2e-3", third.token);
    await third.dialog.getByRole("status").getByText("Running").waitFor({ timeout: 60_000 });
  },

  "a library is written, checked by the server's parser, and saved": async (world) => {
    const { page } = world;
    await newScript(page, "logging", { kind: "library" });
    await write(page, 'log() {\n  if true; then\n  echo "[log] $1"\n}\n');
    await page.getByRole("button", { name: "Check" }).click();
    await page.getByText("possible problem").waitFor();
    await page.getByText("parser inside the server").waitFor();
    await page
      .getByRole("button", { name: /^Line \d+$/ })
      .first()
      .click();
    assert.ok(await code(page).evaluate((element) => element.getRootNode().activeElement === element));
    await accessible(page, "the editor with a problem");
    await world.screenshot("script-problem");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Save with possible problems?" });
    await dialog
      .getByRole("list", { name: "Possible problems" })
      .getByText(/^Line \d+: /)
      .first()
      .waitFor();
    await accessible(page, "problems before saving");
    await world.screenshot("script-save-problem");
    await dialog.getByRole("button", { name: "Keep as it is" }).click();
    await dialog.waitFor({ state: "hidden" });
    await page.getByText("not saved").waitFor();
    await write(page, 'log() {\n  echo "[log] $1"\n}\n');
    await page.getByRole("button", { name: "Check" }).click();
    await page.getByText("No problem found").waitFor();
    await save(page, 2);
  },

  "Tab leaves the editor, and the hint says how to indent": async ({ page }) => {
    await code(page).click();
    await page.keyboard.press("Tab");
    assert.ok(await code(page).evaluate((element) => element.getRootNode().activeElement !== element));
    await page.getByText("Tab leaves the editor").waitFor();
    await page.keyboard.press("Shift+Tab");
    assert.ok(await code(page).evaluate((element) => element.getRootNode().activeElement === element));
  },

  "leaving with an edit asks first": async ({ page }) => {
    await write(page, "log() { echo changed; }\n");
    await page.getByText("not saved").waitFor();
    await page.getByRole("link", { name: "Agents", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Leave without saving?" });
    await dialog.getByRole("button", { name: "Keep as it is" }).click();
    await page.getByText("not saved").waitFor();
    await page.getByRole("link", { name: "Agents", exact: true }).click();
    await dialog.getByRole("button", { name: "Leave and lose the edit" }).click();
    await page.getByRole("heading", { name: "Agents", exact: true }).waitFor();
  },

  "a script with a library and parameters of every type": async (world) => {
    const { page } = world;
    await newScript(page, "check");
    await write(page, CHECK);
    await tab(page, "Settings");
    await addParameter(page, "title", "string", async (row) => {
      await row.getByLabel("Default").fill("hello");
      await row.getByLabel("Required").check();
    });
    await addParameter(page, "count", "integer", async (row) => {
      await row.getByLabel("Default").fill("3");
      await row.getByLabel("At least").fill("1");
      await row.getByLabel("At most").fill("9");
    });
    await addParameter(page, "ratio", "number");
    await addParameter(page, "fast", "boolean");
    await addParameter(page, "colour", "choice", async (row) => {
      const choices = row
        .getByRole("textbox", { name: "Choices" })
        .or(row.getByRole("combobox", { name: "Choices" }));
      await choices.first().fill("red");
      await page.keyboard.press("Enter");
      await choices.first().fill("blue green");
      await page.keyboard.press("Enter");
    });
    await addParameter(page, "token", "secret", (row) => row.getByLabel("Required").check());
    await addParameter(page, "mark", "string");
    await page.getByLabel("Add a library").selectOption("logging");
    await page
      .getByRole("group", { name: "Library logging" })
      .getByLabel("Version of logging")
      .selectOption("2");
    await accessible(page, "the settings of a script");
    await world.screenshot("script-settings");
    await save(page, 2);
    await page.reload();
    await page.getByRole("group", { name: "Parameter colour" }).waitFor();
    assert.equal(
      await page.getByRole("group", { name: "Parameter count" }).getByLabel("At most").inputValue(),
      "9",
    );
  },

  "a wrong parameter is refused at its field before any job exists": async (world) => {
    const { page } = world;
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByRole("heading", { name: "Run check" }).waitFor();
    await page.getByRole("textbox", { name: "Label selector" }).fill("env=test");
    await page.getByText("3 hosts", { exact: true }).waitFor();
    await page.getByText("3 connected").waitFor();
    await page.getByRole("button", { name: "Show the hosts" }).click();
    await page.getByRole("list", { name: "Hosts that match" }).getByText("e2e-3").waitFor();
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByRole("alert").getByText("Give “token”").waitFor();
    await page.getByLabel("token").fill(SECRET);
    await page.getByRole("textbox", { name: "title" }).fill("");
    await page.getByText("It must not be empty.").waitFor();
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByRole("alert").getByText("Give “title”").waitFor();
    await page.getByRole("button", { name: "Take the default" }).click();
    await page.getByLabel("count").fill("12");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByText("is above 9").waitFor();
    assert.equal(await page.getByLabel("count").getAttribute("aria-invalid"), "true");
    await world.screenshot("script-run-refused");
    await page.getByLabel("count").fill("7");
    await page.getByText("is above 9").waitFor({ state: "hidden" });
  },

  "the preview shows hosts, batches and digest, and makes nothing": async (world) => {
    const { page } = world;
    await page.getByRole("textbox", { name: "mark" }).fill(join(world.folder, "mark"));
    await page.getByRole("textbox", { name: "title" }).fill("$(reboot) it's");
    await page.getByRole("button", { name: "Preview" }).click();
    const preview = page.getByRole("region", { name: "Preview", exact: true });
    await preview.getByText("Nothing has been started").waitFor();
    await preview.getByRole("cell", { name: "e2e-3" }).waitFor();
    const digest = preview.getByRole("group", { name: /^SHA-256 of the whole text/ });
    assert.match(await digest.innerText(), /^[0-9a-f]{64}$/);
    await preview.getByText(/policy\.toml/).waitFor();
    await preview.getByRole("button", { name: "Copy SHA-256 of the whole text" }).click();
    assert.equal(
      await page.evaluate(() => navigator.clipboard.readText()),
      await digest.innerText(),
      "it is copied for the policy",
    );
    await accessible(page, "the run form with a preview");
    await world.screenshot("script-run-preview");
  },

  "the same as a command never holds the secret": async (world) => {
    const { page } = world;
    await page.getByRole("button", { name: "Copy as CLI or curl" }).click();
    const cli = await page.getByRole("group", { name: /^CLI/ }).innerText();
    const curl = await page.getByRole("group", { name: /^curl/ }).innerText();
    assert.ok(cli.startsWith("postern script run check --version=2 "), cli);
    assert.ok(cli.includes("'--param=title=$(reboot) it'\\''s'"), cli);
    assert.ok(cli.includes("--selector=env=test"), cli);
    assert.ok(cli.includes("--secret=token"), cli);
    assert.ok(curl.includes("SECRET_TOKEN"), curl);
    assert.ok(!cli.includes(SECRET) && !curl.includes(SECRET));
    const said = await world.command(cli, { token: SECRET });
    assert.match(said, /e2e-3/, "the program understands it, and would do it on the same hosts");
    await page.getByRole("button", { name: "Copy CLI" }).click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), cli);
    await world.screenshot("script-run-commands");
  },

  "it runs on three agents by selector; one fails, and is run again": async (world) => {
    const { page } = world;
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByRole("heading", { name: /^Execution \d+$/ }).waitFor();
    const head = page.getByRole("main").locator("header").first();
    await head.getByText("1 host failed").waitFor({ timeout: 60_000 });
    await page.getByRole("img", { name: "Jobs by state: 2 completed, 1 failed" }).waitFor();
    const row = (host) => page.getByRole("row", { name: new RegExp(host) });
    await row("e2e-2").getByText("Failed", { exact: true }).waitFor();
    await row("e2e-2").getByRole("cell", { name: "3", exact: true }).waitFor();
    await row("e2e-1").getByText("Completed", { exact: true }).waitFor();
    for (const host of ["e2e-1", "e2e-2"]) {
      await page.getByRole("checkbox", { name: `Select ${host}` }).check();
    }
    await page.getByRole("button", { name: "Output side by side" }).click();
    await page.getByRole("region", { name: "Output on e2e-1" }).getByText("done here").waitFor();
    const failed = page.getByRole("region", { name: "Output on e2e-2" });
    await failed.getByText("not today").waitFor();
    await failed.getByText("[log] title is $(reboot) it's, count is 7").waitFor();
    assert.match(page.url(), /outputs=\d+,\d+/);
    await accessible(page, "an execution with output side by side");
    await world.screenshot("execution-side-by-side");
    assert.ok(!(await page.content()).includes(SECRET), "the secret is nowhere on the page");
    await page.getByRole("button", { name: "More for this execution" }).click();
    await page.getByRole("menuitem", { name: "Run on failed hosts" }).click();
    const first = page.url();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("on 1 host:").waitFor();
    await dialog.getByRole("button", { name: "Copy as CLI or curl" }).click();
    assert.match(
      await dialog.getByRole("group", { name: /^CLI/ }).innerText(),
      /^postern execution rerun \d+$/,
    );
    await dialog.getByRole("button", { name: "Run on failed hosts" }).click();
    await until("it is another execution", () => page.url() !== first);
    await head.getByText("Completed", { exact: true }).waitFor({ timeout: 60_000 });
    await page.getByRole("img", { name: "Jobs by state: 1 completed" }).waitFor();
    await page.getByRole("button", { name: "Retry failed" }).hover();
    await page.getByRole("tooltip").getByText("No host failed").waitFor();
  },

  "the job names its execution and its script, and the secret only by name": async (world) => {
    const { page } = world;
    await page.getByRole("row", { name: /e2e-2/ }).getByRole("link").first().click();
    await page.getByRole("heading", { name: /^Job \d+$/ }).waitFor();
    await page.getByRole("link", { name: "Saved, version 2" }).waitFor();
    await page.getByText("secret", { exact: true }).first().waitFor();
    await page.getByRole("region", { name: "Output of the job" }).getByText("done here").waitFor();
    assert.ok(!(await page.content()).includes(SECRET), "the secret is nowhere on the page");
    await openScript(page, "check");
    await tab(page, "Executions");
    await page
      .getByRole("row", { name: /check \(version 2\)/ })
      .nth(1)
      .waitFor();
    await world.screenshot("script-executions");
  },

  "an execution is downloaded as ZIP and as JSON": async ({ page }) => {
    await page.getByRole("table", { name: "Executions" }).getByRole("link").first().click();
    await page.getByRole("heading", { name: /^Execution \d+$/ }).waitFor();
    for (const [format, start] of [
      ["ZIP", "PK"],
      ["JSON", "["],
    ]) {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("link", { name: `Download as ${format}` }).click(),
      ]);
      const chunks = await (await download.createReadStream()).toArray();
      assert.ok(
        Buffer.concat(chunks.map((chunk) => Buffer.from(chunk)))
          .toString("latin1")
          .startsWith(start),
      );
    }
  },

  "two versions are compared, and an old one is restored": async (world) => {
    const { page } = world;
    await openScript(page, "check");
    await write(page, CHECK.replace("done here", "done there"));
    await page.getByLabel("What was changed").fill("another word at the end");
    await save(page, 3);
    await tab(page, "Versions");
    await page.getByRole("cell", { name: "another word at the end" }).waitFor();
    const diff = page.getByRole("region", { name: "Difference of the code" });
    await diff.getByRole("textbox", { name: "Version 2" }).getByText("done here").waitFor();
    await diff.getByRole("textbox", { name: "Version 3" }).getByText("done there").waitFor();
    await accessible(page, "the versions of a script");
    await world.screenshot("script-versions");
    await page.getByLabel("Before", { exact: true }).selectOption("1");
    await page.getByRole("region", { name: "Difference of the settings" }).waitFor();
    await page.getByRole("button", { name: "Restore version 2" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Restore" }).click();
    await page.getByText(/, version 4 by/).waitFor();
    await tab(page, "Code");
    await code(page).getByText("done here").waitFor();
  },

  "a version that somebody saved meanwhile is not overwritten": async (world) => {
    const { page } = world;
    await write(page, CHECK.replace("done here", "mine"));
    const other = await world.context.newPage();
    await openScript(other, "check");
    await write(other, CHECK.replace("done here", "theirs"));
    await save(other, 5);
    await other.close();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    const notice = page.getByRole("alert").filter({ hasText: "Somebody saved a newer version meanwhile" });
    await notice.waitFor();
    await notice.getByRole("button", { name: "Show the difference" }).click();
    const dialog = page.getByRole("dialog", { name: "The newest version and your edit" });
    await dialog.getByText("theirs").first().waitFor();
    await world.screenshot("script-newer-version");
    await page.keyboard.press("Escape");
    const show = /\/api\/v1\/scripts\/\d+$/;
    const asked = page.waitForRequest((request) => request.method() === "GET" && show.test(request.url()));
    let release;
    const held = new Promise((resolve) => {
      release = resolve;
    });
    await page.route(show, async (route) => {
      await held;
      await route.fallback();
    });
    await notice.getByRole("button", { name: "Keep my edit as the next version" }).click();
    await asked;
    assert.ok(await notice.isVisible(), "it stays until the edit stands on the newest version");
    release();
    await notice.waitFor({ state: "hidden" });
    await page.unroute(show);
    await save(page, 6);
  },

  "a library in use says by whom and cannot be deleted": async (world) => {
    const { page } = world;
    await openScript(page, "logging", "libraries");
    await tab(page, "Used by (1)");
    await page.getByRole("list", { name: "Used by" }).getByRole("link", { name: "check" }).waitFor();
    await page.getByRole("button", { name: "Actions for logging" }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    const dialog = page.getByRole("dialog", { name: "Delete logging" });
    await dialog.getByRole("button", { name: "Delete" }).click();
    await dialog
      .getByRole("alert")
      .getByText(/is linked by.* check/)
      .waitFor();
    await world.screenshot("library-in-use");
    await page.keyboard.press("Escape");
  },

  "the search looks into the code": async ({ page }) => {
    await page.goto("/scripts");
    await page.getByRole("searchbox").fill("PARAM_COUNT");
    await page.getByRole("link", { name: "check", exact: true }).waitFor();
    await page.getByRole("link", { name: "logging" }).waitFor({ state: "hidden" });
  },

  "clone, rename and delete": async ({ page }) => {
    await openScript(page, "check");
    const choose = async (name, item) => {
      await page.getByRole("button", { name: `Actions for ${name}` }).click();
      await page.getByRole("menuitem", { name: item }).click();
    };
    await choose("check", "Clone");
    await page.getByRole("dialog", { name: "Clone check" }).getByRole("button", { name: "Clone" }).click();
    await page.getByRole("heading", { name: "check-copy" }).waitFor();
    await choose("check-copy", "Rename and describe");
    const dialog = page.getByRole("dialog", { name: "Rename check-copy" });
    await dialog.getByLabel("Name").fill("check");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByRole("alert").waitFor();
    await dialog.getByLabel("Name").fill("check-2");
    await dialog.getByLabel("Description").fill("A second one");
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "check-2" }).waitFor();
    await choose("check-2", "Delete");
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("heading", { name: "Scripts", exact: true }).waitFor();
    await page.getByRole("link", { name: "check", exact: true }).waitFor();
    assert.equal(await page.getByRole("link", { name: "check-2" }).count(), 0);
  },

  "scripts come from files: what will be done is told first, and what is wrong with its line": async (
    world,
  ) => {
    const { page } = world;
    await page.goto("/scripts");
    await page.getByRole("button", { name: "Import" }).click();
    const dialog = page.getByRole("dialog", { name: "Import scripts" });
    const files = (...chosen) => dialog.locator('input[type="file"]').setInputFiles(chosen);
    const row = (name) => dialog.getByRole("row", { name: new RegExp(name) });
    const start = dialog.getByRole("button", { name: "Import" });
    await files(textFile("broken.sh", "# ---\n# name: broken\n# naem: x\n# ---\ntrue\n"));
    await row("broken.sh").getByText("Line 3: its header: naem is no field here").waitFor();
    assert.equal(await start.getAttribute("aria-disabled"), "true");
    await files(textFile("greeting.sh", GREETING.replace("hello", "missing")));
    await row("greeting.sh").getByText("Is created").waitFor();
    await start.click();
    // The library that it links is not there.
    await row("greeting.sh")
      .getByText(/^Line 6: definition\.libraries/)
      .waitFor();
    await files(textFile("greeting.sh", GREETING), textFile("hello.sh", HELLO));
    await row("hello.sh").getByText("Bash library").waitFor();
    await row("hello.sh").getByText("Is created").waitFor();
    await accessible(page, "the import of scripts");
    await world.screenshot("script-import");
    await start.click();
    await page.getByText("2 files imported").waitFor();
    await dialog.waitFor({ state: "hidden" });
    await page.getByRole("link", { name: "greeting", exact: true }).waitFor();
    await page.getByRole("button", { name: "Import" }).click();
    await files(textFile("greeting.sh", GREETING.replace("World", "Moon")), textFile("hello.sh", HELLO));
    await row("hello.sh").getByText("Unchanged").waitFor();
    await row("greeting.sh").getByText("Becomes version 2").waitFor();
    await row("greeting.sh").getByRole("button", { name: "Difference" }).click();
    await dialog
      .getByRole("region", { name: "Difference of greeting" })
      .getByRole("textbox", { name: "greeting.sh" })
      .getByText("Moon")
      .waitFor();
    await dialog.getByLabel("What was changed").fill("to the moon");
    await start.click();
    await dialog.waitFor({ state: "hidden" });
    await openScript(page, "greeting");
    await page.getByText(/, version 2 by/).waitFor();
  },

  "a script goes into a file that the program reads as the same": async (world) => {
    const { page } = world;
    await page.getByRole("button", { name: "Actions for greeting" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("menuitem", { name: "Export as file" }).click(),
    ]);
    assert.equal(download.suggestedFilename(), "greeting.sh");
    const file = join(world.folder, "greeting.sh");
    await download.saveAs(file);
    const text = await readFile(file, "utf8");
    assert.ok(text.startsWith("#!/bin/bash\n# ---\n# name: greeting\n"), text);
    assert.ok(text.endsWith('# ---\nhello "$PARAM_WHOM, Moon"\n'), text);
    assert.match(await world.command(`postern script apply -f ${file} --dry-run`), /greeting: unchanged/);
  },

  "the size limit is told before saving": async ({ page }) => {
    await newScript(page, "big", { language: "python" });
    await write(page, `# ${"x".repeat(1_048_600)}\n`);
    await page.getByText(/too large to be saved/).waitFor();
    await page.getByRole("button", { name: "Save", exact: true }).hover();
    await page
      .getByRole("tooltip")
      .getByText(/the limit is 1.0 MiB/)
      .waitFor();
    await write(page, "import sys\nprint(sys.argv)\n");
    await save(page, 2);
  },

  "what the parser doubts is saved all the same, when somebody says so": async ({ page }) => {
    await newScript(page, "doubtful");
    await write(page, 'if true; then\necho "[$PARAM_WORD]"\n');
    await page.getByText("not saved").waitFor();
    await page.keyboard.press("Control+s");
    const dialog = page.getByRole("dialog", { name: "Save with possible problems?" });
    await dialog.getByRole("button", { name: "Save all the same" }).click();
    await page.getByText(/, version 2 by/).waitFor();
    await write(page, 'echo "[$PARAM_WORD]"\n');
    await save(page, 3);
    assert.equal(await dialog.count(), 0, "nobody is asked about good code");
  },

  "an emptied text is given as an empty one, and not as its default": async ({ page }) => {
    await tab(page, "Settings");
    await addParameter(page, "word", "string", (row) => row.getByLabel("Default").fill("hello"));
    await save(page, 4);
    await page.goto(`${new URL(page.url()).pathname}/run?agent=e2e-1`);
    const word = page.getByRole("textbox", { name: "word" });
    assert.equal(await word.inputValue(), "hello");
    await word.fill("");
    await page.getByText("An empty text is given.").waitFor();
    await page.getByRole("button", { name: "Take the default" }).click();
    assert.equal(await word.inputValue(), "hello");
    await word.fill("");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByRole("table", { name: "Jobs of the execution" }).getByRole("link").first().click();
    await page.getByRole("region", { name: "Output of the job" }).getByText("[]", { exact: true }).waitFor();
  },

  "more versions than a page has are all there": async ({ page }) => {
    const newest = await makeVersions(page, "doubtful", 110);
    await openScript(page, "doubtful");
    await tab(page, "Versions");
    const cell = (version) =>
      page.getByRole("table", { name: "Versions" }).getByText(version, { exact: true });
    await cell(String(newest)).waitFor();
    assert.equal(await cell("change 1").count(), 0, "not on the first page");
    await page.getByLabel("Before", { exact: true }).selectOption("1");
    await page
      .getByRole("region", { name: "Difference of the code" })
      .getByRole("textbox", { name: "Version 1", exact: true })
      .waitFor();
    await page.getByRole("button", { name: "Load older versions" }).click();
    await cell("change 1").waitFor();
    await page.getByRole("button", { name: "Load older versions" }).waitFor({ state: "hidden" });
  },

  "a session that ends in another tab takes nothing of an edit with it": async (world) => {
    const { page, password } = world;
    await newScript(page, "kept");
    await write(page, "echo kept\n");
    await page.getByText("not saved").waitFor();
    const other = await world.context.newPage();
    await other.goto("/scripts");
    await signOut(other);
    await cover(page).waitFor();
    await world.screenshot("script-signed-out");
    await page.keyboard.press("Escape");
    await signInAgain(page, password);
    await code(page).getByText("echo kept").waitFor();
    await page.keyboard.press("Control+s");
    await page.getByText(/, version 2 by/).waitFor();
    await other.getByRole("heading", { name: "Agents", exact: true }).waitFor();
    await other.close();
  },

  "signing out with an edit asks first": async ({ page }) => {
    await write(page, "echo dropped\n");
    await page.getByText("not saved").waitFor();
    await page.getByRole("button", { name: /^Account of/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    const dialog = page.getByRole("dialog", { name: "Sign out without saving?" });
    await dialog.getByRole("button", { name: "Keep as it is" }).click();
    await dialog.waitFor({ state: "hidden" });
    await write(page, "echo kept\n");
    await page.getByText("not saved").waitFor({ state: "hidden" });
  },

  "scripts on a phone": async (world) => {
    const { context, page } = await openOnPhone(world);
    await openScript(page, "check");
    await fits(page, "a script on a phone");
    await world.screenshot("phone-script", page);
    await tab(page, "Settings");
    await page.getByRole("group", { name: "Parameter colour" }).waitFor();
    await fits(page, "the settings of a script on a phone");
    await tab(page, "Versions");
    await page.getByRole("region", { name: "Difference of the code" }).waitFor();
    await fits(page, "the versions of a script on a phone");
    await tab(page, "Code");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByRole("heading", { name: "Run check" }).waitFor();
    await fits(page, "the run form of a script on a phone");
    await context.close();
  },
};
