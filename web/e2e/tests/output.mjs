import { assert, fits, until } from "../expect.mjs";
import { output, runScript, state } from "./jobs.mjs";

export default {
  "colours are shown, everything else is only text": async (world) => {
    const { page } = world;
    const code = [
      "printf '\\033[31mred alert\\033[0m plain\\n'",
      "printf 'bell\\007 clear\\033[2J title\\033]0;x\\007 nul\\000end\\n'",
      "printf '<img src=x onerror=alert(1)><b>bold</b>\\n'",
      "printf 'bad utf8 \\377\\376 end\\n'",
      "printf 'right \\342\\200\\256 left\\n'",
      "printf '10%%\\r20%%\\r\\n'",
    ].join("\n");
    await runScript(page, "e2e-1", code);
    await state(page).getByText("Completed", { exact: true }).waitFor();
    const red = output(page).getByText("red alert", { exact: true });
    await red.waitFor();
    const [coloured, normal] = await Promise.all([
      red.evaluate((element) => getComputedStyle(element).color),
      output(page).evaluate((element) => getComputedStyle(element).color),
    ]);
    assert.notEqual(coloured, normal);
    for (const text of [
      "bell^G clear^[[2J title^[]0;x^G nul^@end",
      "<img src=x onerror=alert(1)><b>bold</b>",
      "right <U+202E> left",
    ]) {
      await until(`${text} is shown`, async () => (await output(page).innerText()).includes(text));
    }
    assert.equal(await output(page).locator("img, b").count(), 0);
    await output(page)
      .getByText(/bad utf8 \uFFFD+ end/)
      .waitFor();
    await world.screenshot("job-hostile-output");
  },

  "one line of half a MiB stays usable": async ({ page }) => {
    await runScript(page, "e2e-1", "head -c 524288 /dev/zero | tr '\\0' x; echo; echo the end");
    await state(page).getByText("Completed", { exact: true }).waitFor();
    await output(page).getByText("the end").waitFor();
    const rows = await output(page).locator("[data-row], div").count();
    assert.ok(rows < 400, `only what is in sight is drawn, not ${rows} elements`);
    const started = Date.now();
    await output(page).evaluate((element) => element.scrollTo(0, 0));
    // The row with the number: what is above and below looks the same, and some of it is drawn at the end, too.
    await output(page).getByText("1", { exact: true }).waitFor();
    assert.ok(Date.now() - started < 2_000, "scrolling is quick");
    await until(
      "scrolling up stops following",
      async () => !(await page.getByRole("switch", { name: "Follow" }).isChecked()),
    );
    assert.equal(await output(page).evaluate((element) => element.scrollTop), 0);
    await fits(page, "a job with a long line");
  },

  "what was not kept is named with its size": async (world) => {
    const { page } = world;
    await runScript(page, "e2e-1", "seq 1 400000; echo the end");
    await state(page).getByText("Completed", { exact: true }).waitFor({ timeout: 60_000 });
    await page.reload();
    await output(page).getByText("the end").waitFor();
    await page.getByText(/stdout 2\.\d MiB/).waitFor();
    // Lines are numbered up to the hole and not after it.
    const mark = await output(page).evaluate(async (element) => {
      const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      const numbered = () =>
        [...element.querySelectorAll("span[aria-hidden]")].some((margin) => /\d/.test(margin.textContent));
      let [above, below] = [0, element.scrollHeight];
      while (below - above > element.clientHeight / 2) {
        element.scrollTop = (above + below) / 2;
        await drawn();
        [above, below] = numbered() ? [element.scrollTop, below] : [above, element.scrollTop];
      }
      // The hole is drawn already, a little above what is in sight.
      element.scrollTop = above - element.clientHeight / 2;
      await drawn();
      return element.innerText.split("\n").find((line) => line.includes("bytes not kept"));
    });
    assert.match(mark ?? "", /^… [\d,]+ bytes not kept …$/);
    await world.screenshot("job-cut-output");
  },
};
