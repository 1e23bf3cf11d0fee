import { describe, expect, it } from "vitest";
import type { Row } from "../api/types";
import { at, minutes, NOON } from "../testing/fixtures";
import { drawable, linesOf, mergeRows } from "./windowRows";

function row(minute: number, device: string, temperature: number): Row {
  return {
    window_start: at(minute * 60),
    window_end: at((minute + 1) * 60),
    device,
    readings: 1,
    avg_temperature: temperature,
  };
}

describe("mergeRows", () => {
  it("replaces rows that changed, newest end first", () => {
    const rows = mergeRows(minutes, [row(1, "a", 20), row(0, "a", 19)], [row(2, "a", 22), row(1, "a", 21)]);
    expect(rows.map(({ avg_temperature }) => avg_temperature)).toEqual([22, 21, 19]);
  });
});

describe("linesOf", () => {
  it("draws a line a group, oldest first", () => {
    const rows = [row(1, "a", 21), row(1, "b", 31), row(0, "a", 20)];
    const { lines, left } = linesOf(minutes, rows, "avg_temperature", 10);
    expect(lines.map(({ label }) => label)).toEqual(["a", "b"]);
    expect(lines[0]?.points).toEqual([
      [NOON + 60_000, 20],
      [NOON + 120_000, 21],
    ]);
    expect(left).toBe(0);
  });

  it("draws the eight groups that are greatest now, and tells how many it leaves", () => {
    const rows = Array.from({ length: 11 }, (_, at) => row(0, `d${at}`, at));
    const { lines, left } = linesOf(minutes, rows, "avg_temperature", 10);
    expect(lines.map(({ label }) => label)).toEqual(["d3", "d4", "d5", "d6", "d7", "d8", "d9", "d10"]);
    expect(left).toBe(3);
  });

  it("reads decimals in strings", () => {
    const rows = [{ ...row(0, "a", 0), avg_temperature: "12.50" }];
    expect(linesOf(minutes, rows, "avg_temperature", 10).lines[0]?.points[0]?.[1]).toBe(12.5);
  });
});

describe("drawable", () => {
  it("is what counts or measures", () => {
    expect(drawable(minutes).map(({ name }) => name)).toEqual(["readings", "avg_temperature"]);
  });
});
