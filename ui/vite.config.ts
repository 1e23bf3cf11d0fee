import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { precompress } from "./build/precompress.ts";

// What the development server passes on to the API; the page asks for paths relative to itself.
const API_PATHS = [
  "pipeline",
  "health",
  "latest",
  "history",
  "keys",
  "windows",
  "alerts",
  "dead-letters",
  "events",
];

const api = process.env.SENSORSTREAM_API ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "./",
  plugins: [react(), precompress()],
  build: {
    target: "es2022",
    // Its polyfill is for browsers older than the target.
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: Object.fromEntries(API_PATHS.map((path) => [`/${path}`, { target: api, changeOrigin: true }])),
  },
  test: {
    // Those who need a page say so.
    environment: "node",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/testing/setup.ts"],
    restoreMocks: true,
    // Times are shown in the reader's time zone.
    env: { TZ: "UTC" },
  },
});
