import { expect, test, untilLive } from "./fixtures";

test("an API that wants a token is asked with it", async ({ page, gateway, errors }) => {
  // Browsers call an answer of 401 an error.
  errors.requestsMayFail();
  await page.goto(gateway.dashboard("guarded"));
  const token = page.getByLabel(/token/i);
  await token.fill("not-the-right-token");
  await page.keyboard.press("Enter");
  await expect(token).toBeVisible();
  await token.fill("only-for-this-test-1");
  await page.keyboard.press("Enter");
  await untilLive(page);
  await expect(page.locator(".value-number").first()).toBeVisible({ timeout: 15_000 });
  // It is kept for as long as the tab is open, and in no address.
  await page.reload();
  await untilLive(page);
  expect(page.url()).not.toContain("only-for-this-test");
});
