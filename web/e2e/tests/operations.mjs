// Services, processes and packages of this machine, worked on for real from the run form; and each way to fail.
import { existsSync } from "node:fs";
import { accessible, assert } from "../expect.mjs";
import { isRoot, mayDestroy, skipped, startsAtBoot, succeeds, withNginx, withSleeper } from "../fixtures.mjs";
import { order, perform } from "../operation.mjs";

const hasNginx = existsSync("/etc/init.d/nginx");
const hasApt = existsSync("/usr/bin/apt-get");
const withoutRoot = () => skipped(isRoot(), "the agent must run as root");

async function service(world, action, name = "nginx") {
  return perform(world, "Service", { Action: action, Service: name });
}

/** Whether it ran before and after, as the result's table says it. */
async function running(job) {
  const rows = await job.rows("State of the service");
  return rows.map((row) => row.Running);
}

export default {
  "a service is looked at, and one that does not exist is named": async (world) => {
    if (withoutRoot() || skipped(hasNginx, "nginx is not among this host's services")) {
      return;
    }
    const job = await (await service(world, "Show its state")).done();
    assert.match(await job.fact("Service"), /^nginx(\.service)?$/);
    const [before, after] = await job.rows("State of the service");
    assert.deepEqual({ ...before, "": "" }, { ...after, "": "" }, "only looked at");
    (await service(world, "Restart", "no-such-service")).failed("there is no service 'no-such-service'");
    await world.screenshot("operation-no-such-service");
  },

  "nginx goes through all its states; with a broken configuration it does not start": async (world) => {
    const here = hasNginx && !existsSync("/run/systemd/system");
    const why = "starts and stops nginx through SysV; root and POSTERN_TEST_DESTRUCTIVE=1 are needed";
    if (skipped(mayDestroy() && here, why)) {
      return;
    }
    await withNginx(world.folder, async (breakIt) => {
      for (const [action, ...expected] of [
        ["Start", "No", "Yes"],
        ["Restart", "Yes", "Yes"],
        ["Reload its configuration", "Yes", "Yes"],
        ["Disable at boot", "Yes", "Yes"],
        ["Enable at boot", "Yes", "Yes"],
        ["Stop", "Yes", "No"],
      ]) {
        const job = await (await service(world, action)).done();
        assert.deepEqual(await running(job), expected, action);
        assert.equal(await job.fact("Managed by"), "sysv");
        const [, after] = await job.rows("State of the service");
        assert.equal(after["At boot"], startsAtBoot("nginx") ? "Yes" : "No", action);
        assert.ok(action !== "Disable at boot" || !startsAtBoot("nginx"));
      }
      await breakIt();
      const job = (await service(world, "Start")).failed("service 'nginx' did not start");
      assert.deepEqual(await running(job), ["No", "No"]);
      await accessible(world.page, "a service that did not start");
      await world.screenshot("operation-broken-service");
    });
  },

  "a process is listed and ended, and one that is gone is named": async (world) => {
    if (withoutRoot()) {
      return;
    }
    for (const [action, signal] of [
      ["Ask to end (SIGTERM)", "TERM"],
      ["Kill (SIGKILL)", "KILL"],
    ]) {
      await withSleeper(async ({ pid, ended }) => {
        const one = { "Process id": pid };
        const listed = await (
          await perform(world, "Process", { Action: "List", ...one, Name: "sleep" })
        ).done();
        const [found, ...others] = await listed.rows("Processes");
        assert.deepEqual(others, []);
        assert.deepEqual(
          [found.Process, found.Name, found.Command, found.Signal],
          [String(pid), "sleep", "sleep 300", "–"],
        );
        const killed = await (await perform(world, "Process", { Action: action, ...one })).done();
        const [end] = await killed.rows("Processes");
        assert.deepEqual([end.Signal, end.Gone], [signal, "Yes"]);
        await ended;
        const again = await perform(world, "Process", { Action: action, ...one });
        again.failed(`there is no process ${pid}: it has ended, or never was`);
      });
    }
  },

  "the first process is refused by the form, and the agent by itself": async (world) => {
    const { page } = world;
    await order(world, "Process", { Action: "Kill (SIGKILL)", "Process id": 1 });
    await page.getByRole("alert").getByText("Process 1 is the init process, which is never ended").waitFor();
    const { pid } = world.agents.get("e2e-1").child;
    for (const protectedProcess of [pid, process.pid]) {
      const job = await perform(world, "Process", {
        Action: "Ask to end (SIGTERM)",
        "Process id": protectedProcess,
      });
      job.failed("is the agent, the first process or one the agent comes from: nothing was signalled");
    }
    assert.equal(world.agents.get("e2e-1").child.exitCode, null, "it runs on");
  },

  "a package is listed, and one that is not installed is named": async (world) => {
    if (withoutRoot() || skipped(hasApt, "this host has no apt")) {
      return;
    }
    const list = (name) => perform(world, "Software", { Action: "List what is installed", Packages: [name] });
    const job = await (await list("dpkg")).done();
    assert.equal(await job.fact("Package manager"), "apt");
    const [found] = await job.rows("Packages");
    assert.equal(found.Package, "dpkg");
    assert.match(found.After, /^\d/);
    (await list("postern-no-such-package")).failed("package 'postern-no-such-package' is not installed");
  },

  "a package is installed, upgraded and removed, and one that nobody has is named": async (world) => {
    const why = "installs a package; root, apt and POSTERN_TEST_DESTRUCTIVE=1 are needed";
    if (skipped(mayDestroy() && hasApt, why)) {
      return;
    }
    const software = (action, name) => perform(world, "Software", { Action: action, Packages: [name] });
    const isThere = () => existsSync("/usr/bin/hello");
    const purge = () => isThere() && succeeds("apt-get", "--assume-yes", "--quiet", "purge", "hello");
    purge();
    try {
      const [came] = await (await (await software("Install", "hello")).done()).rows("Packages");
      assert.deepEqual([came.Package, came.Before], ["hello", "–"]);
      assert.ok(isThere());
      const newest = await (await software("Upgrade", "hello")).done();
      assert.deepEqual(await newest.rows("Packages"), [], "it is the newest already");
      const [went] = await (await (await software("Remove", "hello")).done()).rows("Packages");
      assert.deepEqual([went.Package, went.Before, went.After], ["hello", came.After, "–"]);
      assert.ok(!isThere());
      const nobodys = await software("Install", "postern-no-such-package");
      nobodys.failed("package 'postern-no-such-package' was not found by apt");
      const absent = await software("Upgrade", "postern-no-such-package");
      absent.failed("postern-no-such-package");
      (await software("Install", "hello=0.0-none")).failed("0.0-none");
    } finally {
      purge();
    }
  },
};
