import { AxeBuilder } from "@axe-core/playwright";
import { expect, test, untilLive } from "./fixtures";

for (const colorScheme of ["light", "dark"] as const) {
  for (const pipeline of ["environment", "factory", "clickstream"]) {
    test(`axe finds nothing on ${pipeline}, ${colorScheme}`, async ({ page, gateway }) => {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.goto(gateway.dashboard(pipeline));
      await untilLive(page);
      await expect(page.locator("section[aria-labelledby=flow] .stage").first()).toBeVisible();
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual(
        [],
      );
    });
  }
}

for (const pipeline of ["environment", "factory", "clickstream"]) {
  test(`${pipeline} fits a phone`, async ({ page, gateway }) => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.goto(gateway.dashboard(pipeline));
    await untilLive(page);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(wider).toBeLessThanOrEqual(0);
  });
}

test("the keyboard gets to everything that can be done", async ({ page, gateway }) => {
  await page.goto(gateway.dashboard("environment"));
  await untilLive(page);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("main")).toBeFocused();
  await page.getByRole("combobox", { name: "Points" }).focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("table").first()).toBeVisible();
});
