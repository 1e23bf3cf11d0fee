import { cleanup } from "@testing-library/react";
import { afterEach, vi } from "vitest";

// What jsdom does not have. Charts are looked at in a browser; here only what they are given counts.
class Inert {
  setData = vi.fn();
  setSize = vi.fn();
  destroy = vi.fn();
  observe = vi.fn();
  disconnect = vi.fn();
}
vi.mock("uplot", () => ({ default: Inert }));
vi.stubGlobal("ResizeObserver", Inert);

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});
