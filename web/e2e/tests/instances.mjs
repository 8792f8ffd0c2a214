import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { call, makeWorkflow, start, workflowNamed } from "../api.mjs";
import { assert, fits, inSight, tabTo, until } from "../expect.mjs";
import { inAllSizes, inLightAndDark } from "../looks.mjs";
import { openAs, openOnPhone, PHONE, SMALL_PHONE } from "../people.mjs";
import { ready } from "./agents.mjs";

const HOST = "e2e-1";
const LIMIT_MS = 60_000;

/** A loop, branches, a question, and a way out of failures. */
const pipeline = (folder) => `hosts: {agents: [${HOST}]}
inputs:
  - {name: release, type: string, default: "2026.11"}
steps:
  - id: build
    name: Build the release
    type: command
    command: echo built {{inputs.release}}
  - id: smoke
    type: command
    shell: true
    command: 'n=$(cat ${folder}/tries 2>/dev/null || echo 0); echo $((n + 1)) > ${folder}/tries; echo "try $n"; test $n -ge 2'
    on_failure: mend
  - id: good
    type: conditional
    condition: step_smoke.exit_code == 0
    on_true: checks
    on_false: failed
  - id: mend
    name: Try it once more
    type: command
    command: echo mended
    on_success: smoke
  - id: checks
    type: parallel
    branches:
      - name: lint
        steps:
          - {id: lint, type: command, command: echo no finding}
      - name: soak
        steps:
          - {id: soak, type: delay, seconds: 1}
          - {id: measure, type: command, command: echo 12 ms}
  - id: ask
    type: approval
    title: Deploy {{inputs.release}}?
    approval_type: one_of_many
    approvers: ["role:site_administrator"]
    allow_self_approval: true
    on_failure: rollback
  - id: deploy
    type: command
    shell: true
    command: 'for part in 1 2 3; do echo "part $part"; done; until test -e ${folder}/go; do sleep 0.1; done; echo deployed'
    on_success: completed
  - id: rollback
    type: command
    command: echo rolled back
    on_success: failed
`;

const PASSWORD = "a-long-enough-password";
const OFFLINE = "The agent is not connected";
const LONG_TITLE =
  "May the new release go to every host of the northern and of the southern segment, all at once?";

/** A question whose title is long, and what it leads to. */
const question = `steps:
  - id: ask
    type: approval
    title: ${LONG_TITLE}
    approval_type: one_of_many
    approvers: ["role:site_administrator"]
    allow_self_approval: true
  - {id: rest, type: delay, seconds: 90}
  - {id: a, type: delay, seconds: 1}
  - {id: b, type: delay, seconds: 1}
  - {id: c, type: delay, seconds: 1}
  - {id: d, type: delay, seconds: 1}
  - {id: e, type: delay, seconds: 1}
  - {id: f, type: delay, seconds: 1}
  - {id: last, type: delay, seconds: 1}
`;

const node = (page, step) => page.locator(`.react-flow__node[data-id="step:${step}"]`);
const panelOf = (page, step) => page.getByRole("region", { name: `Runs of ${step}`, exact: true });
const head = (page) => page.getByRole("main").locator("header").first();

export default {
  "the graph shows how each step is doing, and where it is": async (world) => {
    const { page } = world;
    await ready(world, HOST);
    await makeWorkflow(page, "pipeline", pipeline(world.folder));
    const { id } = await start(page, "pipeline");
    world.pipeline = id;
    await page.goto(`/instances/${id}`);
    await page.getByRole("tab", { name: "Graph", selected: true }).waitFor();
    await head(page).getByText("Paused", { exact: true }).waitFor({ timeout: LIMIT_MS });
    await node(page, "ask").getByTitle("Waiting").waitFor();
    await node(page, "smoke").getByText("×3").waitFor();
    await node(page, "build").getByTitle("Succeeded").waitFor();
    assert.equal(await node(page, "rollback").getByTitle(/./).count(), 0, "not reached");
    assert.match(await node(page, "deploy").getAttribute("aria-label"), /not reached/);
    await inAllSizes(world, page, "instance-graph", async (width) => {
      if (width < 500) {
        await page.getByRole("tab", { name: "Graph" }).click();
      }
      await node(page, "ask").waitFor();
    });
  },

  "a step tells its runs, and is answered from there": async (world) => {
    const { page } = world;
    await page.goto(`/instances/${world.pipeline}`);
    await node(page, "ask").getByTitle("Waiting").waitFor();
    await page.getByRole("button", { name: "Fit View" }).click();
    await node(page, "smoke").click();
    const smoke = panelOf(page, "smoke");
    await smoke
      .getByRole("region", { name: /^Run \d+$/ })
      .nth(2)
      .waitFor();
    await smoke
      .getByText(/^run \d+ succeeded$/)
      .first()
      .waitFor();
    await smoke.getByText("try 2").first().waitFor();
    await inLightAndDark(world, page, "instance-step");
    await page.keyboard.press("Escape");
    await smoke.waitFor({ state: "hidden" });
    assert.ok(await node(page, "smoke").evaluate((element) => element === document.activeElement));
    await tabTo(page, node(page, "ask"));
    await page.keyboard.press("Enter");
    const ask = panelOf(page, "ask");
    await ask.getByText("Deploy 2026.11?").waitFor();
    await ask.getByRole("region", { name: "Step deploy" }).waitFor();
    await inAllSizes(world, page, "instance-approve", () => ask.waitFor());
    await ask.getByLabel("Comment").fill("From the graph");
    await ask.getByRole("button", { name: "Approve" }).click();
    await ask.getByText("From the graph").waitFor();
  },

  "what runs is marked, with its output as it comes": async (world) => {
    const { page } = world;
    await node(page, "deploy").getByTitle("Running").waitFor({ timeout: LIMIT_MS });
    await node(page, "deploy").click();
    const deploy = panelOf(page, "deploy");
    await deploy
      .getByRole("list", { name: /^Jobs of execution/ })
      .getByText(HOST)
      .waitFor();
    await deploy.getByText("part 3").waitFor();
    await inAllSizes(world, page, "instance-running", () => deploy.waitFor());
    await call(page, "POST", "/api/v1/jobs", {
      targets: { agents: [HOST] },
      type: "command",
      payload: { argv: ["touch", `${world.folder}/go`], shell: false },
    });
    await deploy.getByText("deployed").waitFor({ timeout: LIMIT_MS });
    await head(page).getByText("Completed", { exact: true }).waitFor({ timeout: LIMIT_MS });
    await inLightAndDark(world, page, "instance-completed");
  },

  "what failed is tried again with what went before it, and all of it once more": async (world) => {
    const { page } = world;
    await makeWorkflow(
      page,
      "shaky",
      `hosts: {agents: [${HOST}]}
inputs: [{name: token, type: secret, required: true}]
steps:
  - {id: prepare, type: command, command: echo prepared}
  - {id: risky, type: command, argv: [test, -e, "${world.folder}/mended"]}
  - {id: after, type: command, command: 'echo {{step_prepare.stdout}} before'}
`,
    );
    const { id } = await start(page, "shaky", { secrets: { token: "s3cret-of-a-retry" } });
    await page.goto(`/instances/${id}`);
    const retry = page.getByRole("button", { name: "Retry from the failed step" });
    await head(page).getByText("Failed", { exact: true }).waitFor({ timeout: LIMIT_MS });
    await node(page, "risky").getByTitle("Failed").waitFor();
    await node(page, "risky").click();
    await panelOf(page, "risky")
      .getByText(/Exit code 1/)
      .waitFor();
    await inLightAndDark(world, page, "instance-failed");
    await writeFile(join(world.folder, "mended"), "");
    await retry.click();
    const dialog = page.getByRole("dialog", { name: `Retry instance ${id} of shaky` });
    await dialog.getByText(/The results of prepare are kept/).waitFor();
    await dialog.getByRole("button", { name: "Retry" }).click();
    await dialog.getByRole("alert").getByText("Give “token”").waitFor();
    assert.equal(await dialog.getByLabel("token").getAttribute("aria-invalid"), "true");
    await dialog.getByLabel("token").fill("s3cret-of-a-retry");
    await inLightAndDark(world, page, "instance-retry");
    await dialog.getByRole("button", { name: "Retry" }).click();
    await head(page)
      .getByRole("link", { name: `retry of #${id}` })
      .waitFor();
    await head(page).getByText("Completed", { exact: true }).waitFor({ timeout: LIMIT_MS });
    await node(page, "after").click();
    await panelOf(page, "after").getByText("prepared before").waitFor();
    await node(page, "prepare").getByTitle("Succeeded").waitFor();
    await inLightAndDark(world, page, "instance-retried");
    assert.equal(await retry.getAttribute("aria-disabled"), "true");
    await page.getByRole("button", { name: "Run again" }).click();
    const again = page.getByRole("dialog", { name: "Run shaky again" });
    await again.getByLabel("token").fill("s3cret-of-a-retry");
    await again.getByRole("button", { name: "Run again" }).click();
    await again.waitFor({ state: "hidden" });
    await head(page).getByText("Completed", { exact: true }).waitFor({ timeout: LIMIT_MS });
    assert.equal(
      await head(page)
        .getByText(/retry of/)
        .count(),
      0,
    );
    assert.ok(!(await page.content()).includes("s3cret-of-a-retry"));
    await page.goto("/instances");
    await page.getByRole("row", { name: new RegExp(`retry of #${id}`) }).waitFor();
    await page.getByRole("button", { name: `Actions for instance ${id}` }).click();
    await page.getByRole("menuitem", { name: "Retry from the failed step" }).waitFor();
    await page
      .getByRole("menuitem", { name: /^Cancel/ })
      .getByText("It is failed already")
      .waitFor();
    await page.keyboard.press("Escape");
  },

  "what waits for a host says so wherever it is looked at": async (world) => {
    const { page } = world;
    await call(page, "POST", "/api/v1/agents", { name: "ghost" });
    await makeWorkflow(
      page,
      "haunted",
      "hosts: {agents: [ghost]}\nsteps:\n  - {id: b, type: command, command: echo boo}\n",
    );
    await makeWorkflow(page, "calls", "steps:\n  - {id: call, type: workflow, workflow: haunted}\n");
    const { id: parent } = await start(page, "calls");
    await page.goto(`/instances/${parent}?tab=timeline`);
    const told = page.getByRole("list", { name: "What happened" });
    const started = told.getByRole("listitem").filter({ hasText: "Started instance" });
    await started.getByRole("link", { name: /^instance \d+$/ }).click();
    await page.getByRole("heading", { name: /^Instance \d+ of haunted$/ }).waitFor();
    const id = Number(new URL(page.url()).pathname.split("/").at(-1));
    await head(page).getByText(`at b (ghost: ${OFFLINE})`).waitFor({ timeout: LIMIT_MS });
    await node(page, "b").getByTitle("Waiting").waitFor();
    await node(page, "b").click();
    const panel = panelOf(page, "b");
    await panel.getByText("Waits", { exact: true }).waitFor();
    await panel.getByText(`ghost: ${OFFLINE}`).waitFor();
    await panel
      .getByRole("list", { name: /^Jobs of execution/ })
      .getByText(OFFLINE, { exact: true })
      .waitFor();
    await inLightAndDark(world, page, "instance-waits-for-host");
    await page.goto(`/instances/${id}?tab=steps`);
    await page.getByRole("row", { name: new RegExp(`1 b.*Waits.*ghost: ${OFFLINE}`) }).waitFor();
    await call(page, "POST", `/api/v1/instances/${id}/cancel`, { reason: "nobody is there" });
    await head(page).getByText("by admin: nobody is there").waitFor({ timeout: LIMIT_MS });
    await page.getByRole("tab", { name: "Timeline" }).click();
    await told.getByText("Cancel: by admin: nobody is there").waitFor();
    const jobs = told.getByRole("listitem").filter({ hasText: "Job on ghost" });
    await jobs.getByRole("link", { name: /^execution \d+$/ }).waitFor();
    assert.ok(!(await page.getByRole("main").innerText()).includes("user:"));
    await inLightAndDark(world, page, "instance-timeline");
  },

  "in the place of somebody only who may answer is offered": async (world) => {
    const { page } = world;
    const { user } = await call(page, "GET", "/api/v1/session");
    const scope = { kind: "tenant", id: user.tenant_id };
    for (const [username, role] of [
      ["adele", "approver"],
      ["aude", "auditor"],
    ]) {
      await call(page, "POST", "/api/v1/users", {
        username,
        password: PASSWORD,
        bindings: [{ role, scope }],
      });
    }
    await makeWorkflow(page, "asks", question);
    const { id } = await start(page, "asks");
    const asked = await until("it asks", async () => {
      const { items } = await call(page, "GET", `/api/v1/approvals?filter=instance:${id}`);
      return items[0];
    });
    await page.goto(`/approvals/${asked.id}`);
    await page.getByRole("button", { name: `Let somebody else answer for ${world.user}` }).click();
    const dialog = page.getByRole("dialog", { name: `Somebody else instead of ${world.user}` });
    await dialog
      .getByRole("textbox", { name: "Who answers" })
      .or(dialog.getByRole("combobox", { name: "Who answers" }))
      .first()
      .click();
    await page.getByRole("option", { name: "adele" }).waitFor();
    assert.equal(await page.getByRole("option", { name: "aude" }).count(), 0);
    await inLightAndDark(world, page, "approval-delegate");
    await page.getByRole("option", { name: "adele" }).click();
    await dialog.getByRole("button", { name: "Ask them instead" }).click();
    await page.getByText(`in place of ${world.user}`).waitFor();
    const { context, page: theirs } = await openAs(world, { user: "adele", password: PASSWORD }, PHONE);
    await theirs.goto("/approvals");
    const row = theirs.getByRole("row", { name: new RegExp(LONG_TITLE.slice(0, 20)) });
    await inSight("the state of an approval", row.getByText("Open", { exact: true }));
    await inSight("whether it waits for her", row.getByText("Yes", { exact: true }));
    await inSight(
      "the head of what waits for her",
      theirs.getByRole("columnheader", { name: "Waits for you" }),
    );
    await fits(theirs, "the list of approvals on a phone");
    await world.screenshot("phone-approvals", theirs);
    await context.close();
  },

  "on a phone what matters is in sight": async (world) => {
    const { id: workflow } = await workflowNamed(world.page, "asks");
    await call(world.page, "PATCH", `/api/v1/workflows/${workflow}`, {
      source: question.replace("id: last, type: delay, seconds: 1", "id: last, type: delay, seconds: 2"),
    });
    await call(world.page, "POST", `/api/v1/workflows/${workflow}/publish`, { message: "Waits longer" });
    const { context, page } = await openOnPhone(world);
    await page.goto("/instances");
    const failed = page.getByRole("row").filter({ hasText: "shaky" });
    await inSight("the state of an instance", failed.last().getByText("Failed", { exact: true }));
    await fits(page, "the list of instances on a phone");
    await world.screenshot("phone-instances", page);
    await failed.last().getByRole("link", { name: /^\d+$/ }).click();
    await page.getByRole("heading", { name: /^Instance \d+ of shaky$/ }).waitFor();
    const run = page.getByRole("table", { name: "Steps that began" }).getByRole("row", { name: /risky/ });
    await inSight("the outcome of a run", run.getByText("Failed", { exact: true }));
    const reason = run.getByRole("cell").nth(3);
    assert.ok((await reason.boundingBox()).width >= 200, "a reason has room");
    await fits(page, "the runs of an instance on a phone");
    await world.screenshot("phone-instance-steps", page);
    await page.goto(`/workflows/${workflow}?tab=versions`);
    const first = page.getByRole("table", { name: "Versions" }).getByRole("row").nth(2);
    await inSight("a comparison", first.getByRole("button", { name: "Compare with newest" }));
    await inSight("a way back", first.getByRole("button", { name: "Restore version 1" }));
    await first.getByRole("button", { name: "Compare with newest" }).tap();
    const fold = page.getByText(/unchanged lines/).first();
    await fold.waitFor();
    for (const where of ["::before", "::after"]) {
      const sign = await fold.evaluate((element, at) => getComputedStyle(element, at).content, where);
      assert.equal(sign, '"…"');
    }
    await fits(page, "the versions of a workflow on a phone");
    await world.screenshot("phone-versions", page);
    await page.goto(`/workflows/${workflow}/run`);
    await inSight("the copy", page.getByRole("button", { name: "Copy as CLI or curl" }));
    await world.screenshot("phone-run", page);
    await context.close();
  },

  "the instances of one workflow do not say which it is": async (world) => {
    const { page } = world;
    const { id } = await workflowNamed(page, "shaky");
    await page.goto(`/workflows/${id}?tab=instances`);
    const table = page.getByRole("table", { name: "Instances" });
    await table.getByRole("columnheader", { name: "State" }).waitFor();
    assert.equal(await table.getByRole("columnheader", { name: "Workflow" }).count(), 0);
    assert.equal(await page.getByRole("searchbox").or(page.getByLabel("Search by workflow")).count(), 0);
    await inLightAndDark(world, page, "workflow-own-instances");
  },

  "on a phone the list comes first": async (world) => {
    const { context, page } = await openOnPhone(world, SMALL_PHONE);
    await page.goto(`/instances/${world.pipeline}`);
    await page.getByRole("tab", { name: /^Steps/, selected: true }).waitFor();
    await fits(page, "an instance on a phone");
    await page.getByRole("button", { name: "build", exact: true }).first().tap();
    await panelOf(page, "build").getByText("built 2026.11").waitFor();
    await fits(page, "a step on a phone");
    await world.screenshot("phone-instance-step", page);
    await context.close();
  },
};
