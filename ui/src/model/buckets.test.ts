import { describe, expect, it } from "vitest";
import { NOON, reading, shape } from "../testing/fixtures";
import { Buckets, roundOf, stepFor } from "./buckets";

describe("Buckets", () => {
  it("adds up what falls into a step", () => {
    const buckets = new Buckets(shape, 5000, 10);
    for (const one of [reading("a", 0, 20), reading("b", 4, 30), reading("c", 1, 10), reading("c", 5, 50)])
      buckets.add(one);
    const [first, second] = buckets.newest();
    expect(first?.start).toBe(NOON);
    expect(first?.fields.get("temperature")).toEqual({ count: 3, sum: 60, min: 10, max: 30 });
    expect(second?.fields.get("temperature")?.count).toBe(1);
  });

  it("keeps the newest steps, in order", () => {
    const buckets = new Buckets(shape, 1000, 2);
    for (const seconds of [3, 1, 2]) buckets.add(reading("a", seconds));
    expect(buckets.newest().map(({ start }) => start)).toEqual([NOON + 2000, NOON + 3000]);
  });

  it("takes a late reading into its step", () => {
    const buckets = new Buckets(shape, 1000, 5);
    for (const seconds of [1, 2, 1]) buckets.add(reading("a", seconds));
    expect(buckets.newest()[0]?.fields.get("temperature")?.count).toBe(2);
  });
});

describe("stepFor", () => {
  it("has about a reading of each key in a step", () => {
    expect(stepFor(900)).toBe(1000);
    expect(stepFor(4000)).toBe(5000);
    expect(stepFor(100_000)).toBe(120_000);
    expect(stepFor(1e9)).toBe(3_600_000);
  });
});

describe("roundOf", () => {
  it("is how long a round of all keys takes", () => {
    const times = Array.from({ length: 200 }, (_, at) => NOON - at * 20);
    expect(roundOf(times)).toBe(4000);
  });

  it("takes no notice of a few that are silent", () => {
    expect(roundOf([NOON, NOON - 1000, NOON - 2000, NOON - 86_400_000, Number.NaN])).toBe(4000);
  });

  it("is nothing without keys", () => expect(roundOf([])).toBe(0));
});
