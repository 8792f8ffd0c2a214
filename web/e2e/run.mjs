// End-to-end: the real server and agent programs, the built page, a real Chromium.
//
//   npm run build && npm run e2e
//
// POSTERN_BIN, POSTERN_AGENT_BIN: the programs (default: ../target/debug/…)
// CHROMIUM: the browser (default: /usr/bin/chromium)
// POSTERN_TEST_DESTRUCTIVE: 1 where this machine's accounts, services and packages may be changed, as root
// E2E_SUITES: only these, with commas between; most need those before them (default: all)
// E2E_DIST: a build that is tried in place of the one in dist
// E2E_SCREENSHOTS: where to leave pictures (default: e2e/screenshots)
// E2E_KEEP: leaves the folder with data and logs
// Screenshots of every page, light and dark, are left behind.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { SCREENSHOTS, startWorld } from "./world.mjs";

/**
 * Side by side, each with a server and agents of its own, also on two cores: a browser waits more than it works. A suite
 * is in one of them; `agents` brings the hosts that others work on.
 */
const parts = {
  work: [
    "agents",
    "scripts",
    "executions",
    "schedules",
    "actions",
    "ticks",
    "workflows",
    "notify",
    "access",
    "states",
    "pages",
  ],
  hosts: [
    "agents",
    "jobs",
    "output",
    "operations",
    "operationsAccounts",
    "operationsNetwork",
    "jobTypes",
    "organizations",
    "account",
    "audit",
  ],
  flows: ["signIn", "workflowEditor", "templates", "scheduledWorkflows", "instances", "hostile"],
};

if (process.env.E2E_SUITES === undefined) {
  const codes = await Promise.all(Object.entries(parts).map(([name, suites]) => runPart(name, suites)));
  process.exit(codes.every((code) => code === 0) ? 0 : 1);
}
const suites = process.env.E2E_SUITES.split(",");

const world = await startWorld();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    await world.trusted(),
  ],
});

let passed = 0;
const failed = [];
try {
  await world.open(browser);
  if (suites[0] !== "signIn") {
    await world.signIn(world.page);
  }
  for (const suite of suites) {
    const { default: tests } = await import(`./tests/${suite}.mjs`);
    for (const [name, test] of Object.entries(tests)) {
      const started = Date.now();
      world.test = `${suite}: ${name}`;
      try {
        await test(world);
        passed += 1;
        console.log(`ok      ${suite}: ${name} (${Date.now() - started} ms)`);
      } catch (error) {
        failed.push(`${suite}: ${name}`);
        console.log(`FAILED  ${suite}: ${name}\n${indent(error)}`);
        await world.keepEvidence(`failed-${failed.length}`);
      }
    }
  }
  // Broken policy and errors of scripts, on whatever page.
  for (const complaint of world.complaints) {
    failed.push("the browser has nothing to complain about");
    console.log(`FAILED  ${complaint}`);
  }
} catch (error) {
  failed.push("start");
  console.log(`FAILED  start\n${indent(error)}`);
} finally {
  await browser.close();
  await world.stop();
}
for (const name of failed) {
  console.log(`failed: ${name}`);
}
console.log(`${passed} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;

/** This program again, with a part of the suites. */
async function runPart(name, suites) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url)], {
    env: { ...process.env, E2E_SUITES: suites.join(","), E2E_SCREENSHOTS: join(SCREENSHOTS, name) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  createInterface({ input: child.stdout }).on("line", (line) => console.log(`${name.padEnd(6)}${line}`));
  return new Promise((ended) => child.once("exit", ended));
}

function indent(error) {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return text.replaceAll(/^/gm, "        ");
}
