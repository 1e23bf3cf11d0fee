import { describe, expect, it } from "vitest";
import { reading, shape } from "../testing/fixtures";
import { searchKeys } from "./keySearch";
import { sortLatest } from "./keySort";
import { LatestByKey } from "./latest";
import { rowsInSight } from "./virtualRows";

describe("rowsInSight", () => {
  it("is what the view shows and a margin", () => {
    expect(rowsInSight(0, 320, 32, 1000)).toEqual({ first: 0, end: 16 });
    expect(rowsInSight(3200, 320, 32, 1000)).toEqual({ first: 94, end: 116 });
    expect(rowsInSight(31_680, 320, 32, 1000)).toEqual({ first: 984, end: 1000 });
  });

  it("is nothing of nothing, also when scrolled", () => {
    expect(rowsInSight(0, 320, 32, 0)).toEqual({ first: 0, end: 0 });
    expect(rowsInSight(9000, 320, 32, 3)).toEqual({ first: 3, end: 3 });
  });
});

describe("sortLatest", () => {
  const latest = new LatestByKey(shape);
  for (const one of [reading("a", 3, 20), reading("b", 1, 30), { ...reading("c", 2), temperature: null }]) {
    latest.add(one);
  }
  const keys = (by: string, descending: boolean) =>
    sortLatest(latest.all(), { by, descending }).map(({ key }) => key);

  it("sorts by key, value and age, with what has none last", () => {
    expect(keys("key", false)).toEqual(["a", "b", "c"]);
    expect(keys("key", true)).toEqual(["c", "b", "a"]);
    expect(keys("temperature", true)).toEqual(["b", "a", "c"]);
    expect(keys("temperature", false)).toEqual(["a", "b", "c"]);
    expect(keys("age", true)).toEqual(["b", "c", "a"]);
  });
});

describe("searchKeys", () => {
  it("finds what starts with it first", () => {
    expect(searchKeys(["x-1", "1-x", "other"], "X")).toEqual(["x-1", "1-x"]);
    expect(searchKeys(["a", "b"], " ")).toEqual(["a", "b"]);
  });
});
