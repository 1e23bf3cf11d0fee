import { expect, test, untilLive } from "./fixtures";

test("a pipeline without a table of readings has windows to show", async ({ page, gateway }) => {
  await page.goto(gateway.dashboard("clickstream"));
  await untilLive(page);
  await expect(page.getByRole("heading", { name: "Readings" })).toHaveCount(0);
  await expect(
    page.getByRole("region", { name: "Rows of page_view_counts" }).locator("tbody tr").first(),
  ).toContainText("/", { timeout: 60_000 });
  await page.getByRole("tab", { name: "Active users" }).click();
  await expect(
    page.getByRole("region", { name: "Rows of active_users" }).locator("tbody tr").first(),
  ).toBeVisible({
    timeout: 60_000,
  });
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("region", { name: "Rows of user_sessions" })).toBeVisible({ timeout: 60_000 });
});
