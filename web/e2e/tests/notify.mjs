import { call, makeWorkflow, start } from "../api.mjs";
import { accessible, assert, fits, until } from "../expect.mjs";
import { inAllSizes, inLightAndDark } from "../looks.mjs";
import { addUser, openAs } from "../people.mjs";
import { isGenuine, withReceiver } from "../receivers.mjs";

const NORA = { user: "nora", password: "a-long-enough-password" };
const LIMIT_MS = 30_000;

const tab = (page, name) => page.getByRole("tab", { name }).click();
const drawer = (page) => page.getByRole("dialog", { name: /^Message \d+$/ });
const messages = (page) => page.getByRole("table", { name: "Messages" });
const webhooks = (page) => page.getByRole("table", { name: "Webhooks" });

const ASK = `steps:
  - id: ask
    type: approval
    title: 'May it go on? <b>{{instance.id}}</b>'
    approval_type: one_of_many
    approvers: ["role:approver"]
    timeout_minutes: 60
`;

/** Adds a webhook in the dialog, and gives its secret. */
async function addWebhook(page, { name, url, topics }) {
  await page.getByRole("button", { name: "Add webhook" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Add a webhook" });
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("Address").fill(url);
  for (const topic of topics) {
    await dialog.getByRole("checkbox", { name: topic }).check();
  }
  await accessible(page, "the dialog for a webhook");
  await dialog.getByRole("button", { name: "Add webhook" }).click();
  return secretOf(page, name);
}

async function secretOf(page, name) {
  const dialog = page.getByRole("dialog", { name: `Secret of ${name}` });
  const secret = await dialog.getByRole("group", { name: "Secret" }).innerText();
  await accessible(page, "the secret of a webhook");
  await dialog.getByRole("button", { name: "Done" }).click();
  await dialog.waitFor({ state: "hidden" });
  return secret.trim();
}

async function act(page, on, what) {
  await page.getByRole("button", { name: `Actions for ${on}` }).click();
  await page.getByRole("menuitem", { name: what }).click();
}

export default {
  "without messages the page says what will be here": async (world) => {
    const { page } = world;
    if ((await page.request.get("/api/v1/session")).status() !== 200) {
      await world.signIn(page);
    }
    await page.goto("/agents");
    await page.getByRole("link", { name: "Notifications", exact: true }).click();
    await page.getByRole("heading", { name: "Notifications" }).waitFor();
    await messages(page).or(page.getByText("No message was sent yet")).first().waitFor();
    await accessible(page, "the list of messages");
    await tab(page, "Webhooks");
    await page.getByText("There are no webhooks yet").waitFor();
    await accessible(page, "the empty list of webhooks");
  },

  "a test by e-mail arrives": async (world) => {
    const { page } = world;
    await tab(page, "E-mail");
    await page.getByText("E-mail is configured").waitFor();
    await page.getByText("postern@e2e.test").waitFor();
    await inAllSizes(world, page, "notifications-mail");
    await page.getByLabel("To").fill("ops@example.com");
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await drawer(page).getByText("Delivered", { exact: true }).first().waitFor({ timeout: LIMIT_MS });
    await inAllSizes(world, page, "notifications-message", () => drawer(page).waitFor());
    const letter = world.mailbox.letters.find(({ to }) => to.includes("ops@example.com"));
    assert.equal(letter.from, "postern@e2e.test");
    const send = drawer(page).getByRole("button", { name: "Send again" });
    assert.equal(await send.getAttribute("aria-disabled"), "true");
    await send.hover();
    await page.getByRole("tooltip").getByText("It has arrived already").waitFor();
    await page.keyboard.press("Escape");
  },

  "what no receiver takes is easy to find, and sent again": async (world) => {
    const { page } = world;
    world.mailbox.refused.add("nobody@refused.test");
    await page.getByLabel("To").fill("nobody@refused.test");
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await drawer(page).getByText("Not delivered").first().waitFor({ timeout: LIMIT_MS });
    await drawer(page).getByText("nobody here has this name <script>alert(1)</script>").waitFor();
    await inLightAndDark(world, page, "notifications-dead");
    await page.keyboard.press("Escape");
    await drawer(page).waitFor({ state: "hidden" });
    await tab(page, "Messages");
    await page.getByText("1 message could not be delivered").waitFor();
    await page
      .getByRole("heading", { name: "Notifications" })
      .locator("..")
      .getByText("1 not delivered")
      .waitFor();
    await inAllSizes(world, page, "notifications-messages", () => messages(page).waitFor());
    await page.getByRole("button", { name: "Show them" }).click();
    await messages(page).getByRole("row").nth(1).getByText("nobody@refused.test").waitFor();
    await until(
      "only the one that is dead is listed",
      async () => (await messages(page).getByRole("row").count()) === 2,
    );
    assert.match(page.url(), /filter=state:dead/);
    world.mailbox.refused.clear();
    await page.getByRole("button", { name: /^Actions for message/ }).click();
    await page.getByRole("menuitem", { name: "Send again" }).click();
    await page.getByText("It is on its way to nobody@refused.test again").waitFor();
    await page.getByText("No message matches").waitFor();
    await page.getByRole("button", { name: "Clear search and filters" }).click();
    await messages(page)
      .getByRole("row", { name: /Delivered.*nobody@refused.test/ })
      .waitFor();
    await page.goto("/notifications?q=ops");
    await page
      .getByText("No message matches")
      .or(messages(page).getByText("ops@example.com"))
      .first()
      .waitFor();
  },

  "a webhook is added, and told of what it asked for, signed": async (world) => {
    const { page } = world;
    await addUser(page, { ...NORA, role: "approver", at: "Whole tenant" });
    await act(page, NORA.user, "Edit");
    const edit = page.getByRole("dialog", { name: `Edit ${NORA.user}` });
    await edit.getByLabel("E-mail address").fill("nora@example.com");
    await edit.getByRole("button", { name: "Save" }).click();
    await page.getByRole("row", { name: /nora@example.com/ }).waitFor();
    await withReceiver(async ({ url, requests, answer }) => {
      await page.goto("/notifications?tab=webhooks");
      const secret = await addWebhook(page, {
        name: "chat",
        url,
        topics: ["Approval asked", "Workflow ended"],
      });
      assert.match(secret, /^whsec_/);
      assert.ok(!(await page.content()).includes(secret), "it is shown once");
      await webhooks(page).getByText("Approval asked, Workflow ended").waitFor();
      await inAllSizes(world, page, "notifications-webhooks", () => webhooks(page).waitFor());
      await act(page, "chat", "Send a test");
      await drawer(page).getByText("Delivered", { exact: true }).first().waitFor({ timeout: LIMIT_MS });
      assert.ok(isGenuine(secret, requests[0]));
      await page.keyboard.press("Escape");
      await drawer(page).waitFor({ state: "hidden" });

      await makeWorkflow(page, "asks-nora", ASK);
      const { id } = await start(page, "asks-nora");
      const asked = await until("the webhook is told", () =>
        requests.find(({ body }) => JSON.parse(body).type === "approval_opened"),
      );
      assert.ok(isGenuine(secret, asked));
      assert.equal(JSON.parse(asked.body).data.instance_id, id);
      await until("nora has an e-mail", () =>
        world.mailbox.letters.find(({ to, text }) => to.includes("nora@example.com") && /go on/.test(text)),
      );
      await page.goto(`/notifications?filter=instance:${id}`);
      await messages(page).getByRole("button", { name: /<b>/ }).first().click();
      const said = drawer(page).getByRole("region", { name: "What it says" });
      await said.getByText(`<b>${id}</b>`).first().waitFor();
      assert.equal(await page.locator("main b, [role=dialog] b").count(), 0, "a text stays a text");
      await said.getByRole("link", { name: `Instance ${id}` }).waitFor();
      await page.keyboard.press("Escape");

      answer.status = 503;
      await call(page, "POST", `/api/v1/instances/${id}/cancel`, {});
      await messages(page)
        .getByRole("row", { name: /chat.*Workflow ended.*503/ })
        .waitFor({ timeout: LIMIT_MS });
      const failing = messages(page).getByRole("row", {
        name: /Failing next try in \d+ .*chat.*Workflow ended/,
      });
      await failing.waitFor();
      await world.screenshot("notifications-waiting");
      await failing.getByRole("button").first().click();
      await drawer(page).getByText("Failing", { exact: true }).waitFor();
      await drawer(page)
        .getByText(/^in \d+ (s|min)$/)
        .waitFor();
      await page.keyboard.press("Escape");
      await drawer(page).waitFor({ state: "hidden" });
      answer.status = 200;
      await page
        .getByRole("row", { name: /chat.*Workflow ended/ })
        .getByRole("button", { name: /^Actions/ })
        .click();
      await page.getByRole("menuitem", { name: "Send again" }).click();
      await page.getByRole("row", { name: /Delivered.*chat.*Workflow ended/ }).waitFor({ timeout: LIMIT_MS });

      await page.goto("/notifications?tab=webhooks");
      await act(page, "chat", "New secret");
      await page.getByRole("dialog").getByRole("button", { name: "Draw a new secret" }).click();
      const next = await secretOf(page, "chat");
      assert.notEqual(next, secret);
      await act(page, "chat", "Send a test");
      await drawer(page).getByText("Delivered", { exact: true }).first().waitFor({ timeout: LIMIT_MS });
      assert.ok(isGenuine(next, requests.at(-1)));
      assert.ok(!isGenuine(secret, requests.at(-1)));
      await page.keyboard.press("Escape");
      await drawer(page).waitFor({ state: "hidden" });
    });
  },

  "a webhook is edited, switched off and deleted": async ({ page }) => {
    await act(page, "chat", "Edit");
    const dialog = page.getByRole("dialog", { name: "Edit chat" });
    await dialog.getByLabel("Address").fill("nonsense");
    await dialog.getByRole("button", { name: "Save" }).click();
    await until(
      "the address is refused where it stands",
      async () => (await dialog.getByLabel("Address").getAttribute("aria-invalid")) === "true",
    );
    await dialog.getByLabel("Address").fill("http://127.0.0.1:9/");
    await dialog.getByRole("checkbox", { name: "Workflow ended" }).uncheck();
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "hidden" });
    await webhooks(page)
      .getByRole("row", { name: /127.0.0.1:9.*Approval asked/ })
      .waitFor();
    await act(page, "chat", "Switch off");
    await webhooks(page).getByText("Off", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Actions for chat" }).click();
    await page
      .getByRole("menuitem", { name: /^Send a test/ })
      .getByText("It is switched off")
      .waitFor();
    await page.keyboard.press("Escape");
    await act(page, "chat", "Delete");
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("There are no webhooks yet").waitFor();
  },

  "who may only answer approvals sees, and changes nothing": async (world) => {
    await call(world.page, "POST", "/api/v1/webhooks", {
      name: "pager",
      url: "http://127.0.0.1:9/",
      topics: [],
    });
    const { context, page } = await openAs(world, NORA);
    await page.goto("/notifications?tab=webhooks");
    await webhooks(page).getByText("shown with settings.manage").waitFor();
    const add = page.getByRole("button", { name: "Add webhook" });
    assert.equal(await add.getAttribute("aria-disabled"), "true");
    await page.getByRole("button", { name: "Actions for pager" }).click();
    for (const name of [/^Send a test/, /^Edit/, /^Switch off/, /^New secret/, /^Delete/]) {
      await page.getByRole("menuitem", { name }).getByText("settings.manage").waitFor();
    }
    await page.keyboard.press("Escape");
    await tab(page, "E-mail");
    await page.getByText("Needs the permission settings.manage.").waitFor();
    await page.setViewportSize({ width: 360, height: 740 });
    await fits(page, "the page of e-mail on a phone");
    await context.close();
  },
};
