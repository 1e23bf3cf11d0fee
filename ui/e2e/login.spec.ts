import { expect, test, untilLive } from "./fixtures";
import { Serving } from "./gateway";

test("an API that wants a token is asked with it", async ({ page, gateway, errors }) => {
  // Browsers call an answer of 401 an error.
  errors.requestsMayFail();
  // Kubernetes' proxy keeps the header Authorization to itself.
  const way = await Serving.start(
    "port-forward",
    `--namespace=${gateway.namespace}`,
    "service/guarded-api",
    ":http",
  );
  try {
    await page.goto(`http://127.0.0.1:${way.port}/`);
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
  } finally {
    await way.stop();
  }
});
