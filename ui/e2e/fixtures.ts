import { test as base, expect, type Page } from "@playwright/test";
import { Gateway } from "./gateway";

/** What browsers say of every request that fails; tests that take the API away expect it. */
const REQUEST_FAILED = "Failed to load resource";

interface Errors {
  /** Every error on the console and every exception, so far. */
  all: string[];
  /** From here on requests may fail. */
  requestsMayFail(): void;
}

/** A page that fails its test when it writes an error to the console, and a way to the pipelines. */
export const test = base.extend<{ errors: Errors }, { gateway: Gateway }>({
  gateway: [
    // eslint-disable-next-line no-empty-pattern -- Playwright reads the names of fixtures out of it
    async ({}, use) => {
      const namespace = process.env.SENSORSTREAM_NAMESPACE;
      if (!namespace) throw new Error("SENSORSTREAM_NAMESPACE names the namespace of the pipelines");
      const gateway = new Gateway(namespace);
      await gateway.start();
      await use(gateway);
      await gateway.stop();
    },
    { scope: "worker" },
  ],
  errors: [
    async ({ page }, use) => {
      let tolerant = false;
      const all: string[] = [];
      page.on("console", (message) => {
        if (message.type() !== "error" && message.type() !== "warning") return;
        if (tolerant && message.text().includes(REQUEST_FAILED)) return;
        all.push(message.text());
      });
      page.on("pageerror", (error) => all.push(String(error)));
      await use({
        all,
        requestsMayFail: () => {
          tolerant = true;
        },
      });
      expect(all, "errors on the console").toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

/** Waits until the page is live. */
export async function untilLive(page: Page): Promise<void> {
  await expect(page.getByText("Live by events")).toBeVisible({ timeout: 30_000 });
}
