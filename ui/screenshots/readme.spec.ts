import { expect, test, untilLive } from "../e2e/fixtures";

const folder = "../docs/images";

test("one sensor", async ({ page, gateway }) => {
  await page.setViewportSize({ width: 1280, height: 860 });
  await page.goto(gateway.dashboard("environment"));
  await untilLive(page);
  await page.getByRole("button", { name: "Table of Temperature", exact: true }).click();
  const rows = page.getByRole("table", { name: /Temperature/ }).locator("tbody tr");
  await expect(rows).toHaveCount(10, { timeout: 30_000 });
  await page.getByRole("button", { name: "Table of Temperature", exact: true }).click();
  await page.screenshot({ path: `${folder}/dashboard-environment.png` });
});

test("many devices, in the dark", async ({ page, gateway }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 1280, height: 1800 });
  await page.goto(gateway.dashboard("factory"));
  await untilLive(page);
  await expect(page.locator("section", { hasText: "Alerts" }).locator("li").first()).toBeVisible({
    timeout: 60_000,
  });
  await page.waitForTimeout(5000); // for the charts to fill
  await page.screenshot({ path: `${folder}/dashboard-factory.png` });
});

test("on a phone", async ({ page, gateway }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(gateway.dashboard("environment"));
  await untilLive(page);
  await page.locator("#readings").scrollIntoViewIfNeeded();
  await page.getByRole("heading", { name: "Readings" }).evaluate((heading) => heading.scrollIntoView());
  await page.waitForTimeout(5000);
  await page.screenshot({ path: `${folder}/dashboard-phone.png` });
});
