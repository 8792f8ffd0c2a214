// Users and groups of this machine, made and deleted for real from the run form; and each way to fail.
import { readFileSync } from "node:fs";
import { assert } from "../expect.mjs";
import { isKnown, mayDestroy, skipped, succeeds } from "../fixtures.mjs";
import { ended, order, perform } from "../operation.mjs";

const USER = "postern-wes";
const GROUP = "postern-weavers";

const isSkipped = () =>
  skipped(mayDestroy(), "makes accounts; root and POSTERN_TEST_DESTRUCTIVE=1 are needed");

/** Gone before and after, whatever became of the test. */
async function withNames(use) {
  const clear = () => {
    succeeds("userdel", "--remove", USER);
    succeeds("groupdel", GROUP);
  };
  clear();
  try {
    await use();
  } finally {
    clear();
  }
}

/** The password that was drawn, from the dialog that shows it once. */
async function drawn(page) {
  const dialog = page.getByRole("dialog", { name: "The new password" });
  const password = await dialog.getByRole("group", { name: "Password" }).innerText();
  assert.match(password, /^[A-Za-z0-9]{24}$/);
  await dialog.getByRole("button", { name: "I have copied it" }).click();
  return password;
}

/** What the host keeps of the user's password. */
function shadow() {
  const lines = readFileSync("/etc/shadow", "utf8").split("\n");
  return lines.find((line) => line.startsWith(`${USER}:`));
}

export default {
  "a user is made and gets another password, each shown once, and is deleted": async (world) => {
    if (isSkipped()) {
      return;
    }
    const { page } = world;
    const create = { Action: "Create", User: USER, "Full name": "Wes Example", Shell: "/bin/sh" };
    const user = (values) => perform(world, "User", { ...values, User: USER });
    await withNames(async () => {
      await order(world, "User", { ...create, "Give it a password": true });
      const password = await drawn(page);
      const made = await (await ended(world, "User")).done();
      assert.deepEqual(
        [await made.fact("Exists"), await made.fact("Changed"), await made.fact("Shell")],
        ["Yes", "Yes", "/bin/sh"],
      );
      assert.equal(await made.fact("Enabled"), "Yes", "its password works");
      assert.ok(isKnown("passwd", USER));
      assert.ok(!(await page.content()).includes(password), "it is shown once");
      await world.screenshot("operation-user");
      const own = await page.request.get(`/api/v1/jobs/${made.number}`);
      assert.ok(!(await own.text()).includes(password), "it is shown once");

      (await user(create)).failed(`user '${USER}' exists already`);
      const before = shadow();
      await order(world, "User", { Action: "Reset the password", User: USER });
      const other = await drawn(page);
      assert.notEqual(other, password);
      const reset = await (await ended(world, "User")).done();
      assert.equal(await reset.fact("Enabled"), "Yes");
      assert.ok(!(await page.content()).includes(other), "it is shown once");
      assert.notEqual(shadow(), before, "another password holds");
      const off = await (await user({ Action: "Disable" })).done();
      assert.equal(await off.fact("Enabled"), "No");
      const on = await (await user({ Action: "Enable" })).done();
      assert.equal(await on.fact("Enabled"), "Yes");
      const deleted = { Action: "Delete", "Delete its home folder as well": true };
      const gone = await (await user(deleted)).done();
      assert.equal(await gone.fact("Exists"), "No");
      assert.ok(!isKnown("passwd", USER));
      (await user(deleted)).failed(`there is no user '${USER}'`);
      (await perform(world, "User", { Action: "Delete", User: "root" })).failed("root");
    });
  },

  "a group gets and loses a member, and what is not there is named": async (world) => {
    if (isSkipped()) {
      return;
    }
    const group = (Action, members) =>
      perform(world, "Group", { Action, Group: GROUP, ...(members ? { Members: members } : {}) });
    await withNames(async () => {
      await (await perform(world, "User", { Action: "Create", User: USER })).done();
      const made = await (await group("Create")).done();
      assert.deepEqual([await made.fact("Exists"), await made.fact("Members")], ["Yes", "–"]);
      assert.ok(isKnown("group", GROUP));
      (await group("Create")).failed(`group '${GROUP}' exists already`);
      const fuller = await (await group("Add members", [USER])).done();
      assert.equal(await fuller.fact("Members"), USER);
      (await group("Add members", ["postern-nobody"])).failed("there is no user 'postern-nobody'");
      const emptier = await (await group("Remove members", [USER])).done();
      assert.equal(await emptier.fact("Members"), "–");
      const gone = await (await group("Delete")).done();
      assert.equal(await gone.fact("Exists"), "No");
      assert.ok(!isKnown("group", GROUP));
      (await group("Delete")).failed(`there is no group '${GROUP}'`);
    });
  },
};
