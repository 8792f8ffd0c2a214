// Conditions with a limit: nothing here waits for a fixed time.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

export { assert };

const LIMIT_MS = 20_000;
const STEP_MS = 50;

/** Tries until it gives something true, and then gives that. */
export async function until(what, condition, limit = LIMIT_MS) {
  const end = Date.now() + limit;
  let last;
  for (;;) {
    try {
      const value = await condition();
      if (value) {
        return value;
      }
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) {
      throw new Error(`${what}: not within ${limit} ms (last: ${last})`);
    }
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}

/** Presses Tab until this has the focus, as somebody without a mouse would. */
export async function tabTo(page, locator, limit = 60) {
  for (let count = 0; count < limit; count += 1) {
    if (await locator.evaluate((element) => element === document.activeElement)) {
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`${locator} was not reached with ${limit} presses of Tab`);
}

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** No serious or critical finding of axe-core. */
export async function accessible(page, name) {
  if (!(await page.evaluate(() => "axe" in globalThis))) {
    // Through the debugger and not as an element: the page's policy forbids what axe would need to add itself.
    await page.evaluate(AXE);
  }
  const findings = await page.evaluate(async () => {
    const result = await globalThis.axe.run(document, { resultTypes: ["violations"], preload: false });
    return result.violations
      .filter((violation) => violation.impact === "serious" || violation.impact === "critical")
      .map((violation) => ({
        rule: violation.id,
        help: violation.help,
        where: violation.nodes
          .slice(0, 4)
          .map((node) => `${node.target.join(" ")} ${node.failureSummary ?? ""}`),
      }));
  });
  assert.deepEqual(findings, [], `${name} has findings of axe-core: ${JSON.stringify(findings, null, 1)}`);
}

/** The page itself does not scroll sideways. */
export async function fits(page, name) {
  const { content, window } = await page.evaluate(() => ({
    content: document.documentElement.scrollWidth,
    window: document.documentElement.clientWidth,
  }));
  assert.ok(content <= window, `${name} is ${content} px wide in a window of ${window} px`);
}

/** All of it is in the window from left to right, without that anybody scrolled sideways. */
export async function inSight(name, locator) {
  await locator.waitFor();
  const { left, right, window } = await locator.evaluate((element) => {
    const box = element.getBoundingClientRect();
    return { left: box.left, right: box.right, window: document.documentElement.clientWidth };
  });
  assert.ok(left >= 0 && right <= window, `${name} goes from ${left} to ${right} of ${window} px`);
}
