// Pictures of a page as people have it: light and dark, wide and narrow. Each is looked at by axe as well.
import { accessible, fits } from "./expect.mjs";

/** A colour on its way to another is neither of them. */
export async function settled(page) {
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter((animation) => animation instanceof CSSTransition)
        .map((transition) => transition.finished.catch(() => {})),
    ),
  );
}

export async function inLightAndDark(world, page, name) {
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    await page.locator(`html[data-mantine-color-scheme=${colorScheme}]`).waitFor({ state: "attached" });
    await settled(page);
    await accessible(page, `${name} (${colorScheme})`);
    await world.screenshot(`${name}-${colorScheme}`, page);
  }
}

const WIDTHS = [1440, 1024, 360];

/** In every width, light and dark; `ready` waits for what is to be seen. */
export async function inAllSizes(world, page, name, ready = async () => {}) {
  const before = page.viewportSize();
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: width < 500 ? 740 : 900 });
    await ready(width);
    await settled(page);
    await fits(page, `${name} at ${width}`);
    await inLightAndDark(world, page, `${name}-${width}`);
  }
  await page.setViewportSize(before);
}
