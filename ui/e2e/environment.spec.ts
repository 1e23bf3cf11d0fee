import { expect, test, untilLive } from "./fixtures";

test.beforeEach(async ({ page, gateway }) => {
  await page.goto(gateway.dashboard("environment"));
  await untilLive(page);
});

test("current values, their charts and one with both, and the values move", async ({ page }) => {
  for (const name of ["Temperature", "Humidity"]) {
    const value = page.locator(".value", { hasText: name }).locator(".value-number");
    const before = await value.innerText();
    await expect(value).not.toHaveText(before, { timeout: 15_000 });
    await expect(page.getByRole("heading", { level: 3, name, exact: true })).toBeVisible();
  }
  await expect(page.locator(".values-key")).toHaveText("sensor-001");
  // A temperature chart, a humidity chart, and one with two axes.
  await expect(page.locator(".chart")).toHaveCount(3);
  await expect(page.locator(".chart-wide .u-axis")).toHaveCount(3);
});

test("charts hold ten points unless told", async ({ page }) => {
  const points = page.getByRole("combobox", { name: "Points" });
  await expect(points).toHaveValue("10");
  await page.getByRole("button", { name: "Table of Temperature", exact: true }).click();
  const rows = page.getByRole("table", { name: /Temperature/ }).locator("tbody tr");
  await expect(rows).toHaveCount(10, { timeout: 20_000 });
  await points.selectOption("25");
  await expect(rows).toHaveCount(25, { timeout: 40_000 });
  await page.reload();
  await expect(points).toHaveValue("25");
});

test("the flow says where readings come from and where they go", async ({ page }) => {
  const stages = page.locator(".stage");
  await expect(stages.first()).toContainText("Healthy", { timeout: 30_000 });
  await expect(page.locator(".stage", { hasText: "sensor_data" }).first()).toBeVisible();
  await expect(page.locator(".stage-blocked")).toHaveCount(0);
});

test("without events it asks every five seconds", async ({ page, errors }) => {
  errors.requestsMayFail();
  await page.route("**/events*", (route) => route.abort());
  await page.reload();
  await expect(page.getByText("Polling every 5 s")).toBeVisible({ timeout: 30_000 });
  const value = page.locator(".value-number").first();
  const before = await value.innerText();
  await expect(value).not.toHaveText(before, { timeout: 20_000 });
});
