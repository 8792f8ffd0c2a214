// Users for tests that need to be somebody else than the first administrator.

/** Adds a user in the dialog, with one role. `at` is the name of the place in the form. */
export async function addUser(page, { user, password, role, at }) {
  await page.goto("/users");
  await page.getByRole("button", { name: "Add user" }).click();
  const dialog = page.getByRole("dialog", { name: "Add a user" });
  await dialog.getByLabel("User name").fill(user);
  await dialog.getByLabel("Password", { exact: false }).first().fill(password);
  await dialog.getByLabel("Role", { exact: true }).selectOption(role);
  await dialog.getByLabel("At", { exact: true }).selectOption({ label: at });
  await dialog.getByRole("button", { name: "Give role" }).click();
  await dialog.getByRole("list", { name: "Roles" }).getByText(`at ${at}`).waitFor();
  await dialog.getByRole("button", { name: "Add user" }).click();
  await dialog.waitFor({ state: "hidden" });
  await page.getByRole("row", { name: new RegExp(user) }).waitFor();
}

/** By the menu of the page. */
export async function signOut(page) {
  await page.getByRole("button", { name: /^Account of/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
}

/** What covers a page with something unsaved when its session has ended. */
export const cover = (page) => page.getByRole("dialog", { name: "You were signed out" });

/** Signs in over the page. */
export async function signInAgain(page, password) {
  await cover(page).getByLabel("Password", { exact: true }).fill(password);
  await cover(page).getByRole("button", { name: "Sign in" }).click();
  await cover(page).waitFor({ state: "hidden" });
}

/** A phone, as `newContext` takes it. */
export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
export const SMALL_PHONE = { ...PHONE, viewport: { width: 360, height: 740 } };

/** The first administrator's. */
export async function openOnPhone(world, phone = PHONE) {
  return openAs(world, { user: world.user, password: world.password }, phone);
}

/** A page of their own, behind the sign-in. */
export async function openAs(world, { user, password }, options = {}) {
  const context = await world.newContext(options);
  const page = await context.newPage();
  await world.signIn(page, user, password);
  return { context, page };
}
