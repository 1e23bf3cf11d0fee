import { describe, expect, it } from "vitest";
import { NOON, reading } from "../testing/fixtures";
import { roll, type Point } from "./rolling";

function point(seconds: number, temperature = seconds): Point {
  return { time: NOON + seconds * 1000, reading: reading("a", seconds, temperature) };
}

function temperatures(points: readonly Point[]): unknown[] {
  return points.map(({ reading: { temperature } }) => temperature);
}

describe("roll", () => {
  it("lets go of the oldest", () => {
    const points = roll([point(1), point(2), point(3)], [point(4)], 3);
    expect(temperatures(points)).toEqual([2, 3, 4]);
  });

  it("puts a late point in its place", () => {
    expect(temperatures(roll([point(1), point(3)], [point(2)], 10))).toEqual([1, 2, 3]);
  });

  it("takes a reading once that comes by history and live", () => {
    expect(temperatures(roll([point(1), point(2)], [point(2), point(1), point(3)], 10))).toEqual([1, 2, 3]);
  });

  it("keeps different readings of the same time", () => {
    expect(temperatures(roll([point(1, 5)], [point(1, 6), point(1, 5)], 10))).toEqual([5, 6]);
  });

  it("does not let a point older than all others push one out", () => {
    expect(temperatures(roll([point(2), point(3)], [point(1)], 2))).toEqual([2, 3]);
  });

  it("leaves what does not change as it is", () => {
    const points = [point(1)];
    expect(roll(points, [], 10)).toBe(points);
  });
});
