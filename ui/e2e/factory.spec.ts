import { expect, test, untilLive } from "./fixtures";

test.beforeEach(async ({ page, gateway }) => {
  await page.goto(gateway.dashboard("factory"));
  await untilLive(page);
});

test("many keys are a table, and one of them is chosen by typing", async ({ page }) => {
  const filter = page.getByRole("combobox", { name: /device/i });
  await expect(filter).toHaveAttribute("placeholder", /All \d+ /, { timeout: 30_000 });
  await filter.fill("00042");
  await page.getByRole("option", { name: "MTR-00042" }).click();
  await expect(page.locator(".values-key")).toHaveText("MTR-00042");
  await expect(page).toHaveURL(/MTR-00042/);
  await page.reload();
  await expect(page.locator(".values-key")).toHaveText("MTR-00042", { timeout: 15_000 });
  await page.getByRole("button", { name: /Show all/ }).click();
  await expect(page.locator(".values-key")).toHaveCount(0);
});

test("windows, alerts and dead letters come as they are made", async ({ page }) => {
  const rows = page.getByRole("region", { name: "Rows of device_minutes" }).locator("tbody tr");
  await expect(rows.first()).toContainText("MTR-", { timeout: 60_000 });
  const alerts = page.locator("section", { has: page.getByRole("heading", { name: "Alerts" }) });
  await expect(alerts.locator("li").first()).toContainText("overheating", { timeout: 60_000 });
  const letters = page.locator("section", { has: page.getByRole("heading", { name: "Dead letters" }) });
  const letter = letters.locator("li").first();
  await expect(letter).toBeVisible({ timeout: 60_000 });
  await letter.getByText("Payload").click();
  await expect(letter.locator("pre")).not.toBeEmpty();
});
