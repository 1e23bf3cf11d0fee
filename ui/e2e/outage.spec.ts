import { execFileSync } from "node:child_process";
import { expect, test, untilLive } from "./fixtures";

test("an API that goes away is said to be, and what comes back is shown", async ({
  page,
  gateway,
  errors,
}) => {
  await page.goto(gateway.dashboard("environment"));
  await untilLive(page);
  const value = page.locator(".value-number").first();
  await expect(value).toBeVisible({ timeout: 15_000 });

  errors.requestsMayFail();
  await gateway.stop();
  try {
    const banner = page.getByRole("alert").filter({ hasText: "Can’t reach the API since" });
    await expect(banner).toBeVisible({ timeout: 30_000 });
    // What was there stays, and is said to be old.
    await expect(value).toBeVisible();
    await expect(page.getByText(/Offline since/)).toBeVisible();
  } finally {
    await gateway.start();
  }
  await expect(page.getByRole("alert")).toBeHidden({ timeout: 60_000 });
  const before = await value.innerText();
  await expect(value).not.toHaveText(before, { timeout: 30_000 });
  await untilLive(page);
});

test("it goes on when the API's pod is replaced", async ({ page, gateway, errors }) => {
  await page.goto(gateway.dashboard("environment"));
  await untilLive(page);
  errors.requestsMayFail();
  const pods = "app.kubernetes.io/instance=environment,app.kubernetes.io/component=api";
  execFileSync("kubectl", [
    "delete",
    "pod",
    "--namespace",
    gateway.namespace,
    "--selector",
    pods,
    "--wait=true",
  ]);
  await expect(page.getByRole("alert")).toBeHidden({ timeout: 60_000 });
  const value = page.locator(".value-number").first();
  const before = await value.innerText();
  await expect(value).not.toHaveText(before, { timeout: 60_000 });
  await untilLive(page);
});
