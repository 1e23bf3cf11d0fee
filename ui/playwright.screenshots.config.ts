import { defineConfig } from "@playwright/test";
import base from "./playwright.config";

/** Takes the pictures of the README; see scripts/screenshots.sh. */
export default defineConfig({ ...base, testDir: "screenshots" });
