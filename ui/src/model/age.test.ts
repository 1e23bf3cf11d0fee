import { describe, expect, it } from "vitest";
import { formatAge, formatDuration, isStale } from "./age";

describe("formatAge", () => {
  it.each([
    [-500, "now"],
    [999, "now"],
    [3_400, "3 s ago"],
    [119_000, "1 min ago"],
    [7_200_000, "2 h ago"],
    [200_000_000, "2 d ago"],
    [-90_000, "in 1 min 30 s"],
  ])("tells %i ms as %s", (ms, text) => expect(formatAge(ms)).toBe(text));
});

describe("formatDuration", () => {
  it.each([
    [0, "0 s"],
    [59_400, "59 s"],
    [59_600, "1 min"],
    [125_000, "2 min 5 s"],
    [3_600_000, "1 h"],
    [90_000_000, "1 d 1 h"],
  ])("tells %i ms as %s", (ms, text) => expect(formatDuration(ms)).toBe(text));
});

describe("isStale", () => {
  it("has patience of 30 s where the interval is short or not known", () => {
    expect(isStale(30_000, 1000)).toBe(false);
    expect(isStale(30_001, 1000)).toBe(true);
    expect(isStale(30_001, null)).toBe(true);
  });

  it("waits for five intervals where they are long", () => {
    expect(isStale(300_000, 60_000)).toBe(false);
    expect(isStale(300_001, 60_000)).toBe(true);
  });
});
