import { describe, expect, it } from "vitest";
import { reading, shape } from "../testing/fixtures";
import { Readings } from "./readings";

const nine = Array.from({ length: 9 }, (_, at) => reading(`k${at}`, at));

describe("Readings", () => {
  it("shows the only key as if it were selected", () => {
    const readings = new Readings(shape, null, 10);
    readings.add([reading("a", 1), reading("a", 2)]);
    expect(readings.view().scope).toEqual({ kind: "one", key: "a" });
    expect(readings.view().points.get("a")).toHaveLength(2);
  });

  it("has a line for each of few keys, and steps for many", () => {
    const readings = new Readings(shape, null, 10);
    readings.add(nine.slice(0, 8));
    expect(readings.view().scope.kind).toBe("few");
    expect(readings.view().points.size).toBe(8);
    readings.add(nine);
    expect(readings.view().scope.kind).toBe("many");
    expect(readings.view().points.size).toBe(0);
    expect(readings.view().buckets).not.toHaveLength(0);
  });

  it("says when another history is needed", () => {
    const readings = new Readings(shape, null, 10);
    expect(readings.add([reading("a", 1)])).toBe(true);
    expect(readings.add([reading("a", 2)])).toBe(false);
    expect(readings.add([reading("b", 2)])).toBe(true);
  });

  it("keeps points of the selected key only, and the newest of all", () => {
    const readings = new Readings(shape, "k1", 10);
    readings.add(nine);
    expect([...readings.view().points.keys()]).toEqual(["k1"]);
    expect(readings.view().latest).toHaveLength(9);
  });

  it("starts its window anew for another key or length", () => {
    const readings = new Readings(shape, "k1", 10);
    readings.add(nine);
    readings.select("k2", 10);
    expect(readings.view().points.size).toBe(0);
    readings.add([reading("k2", 1), reading("k2", 2), reading("k2", 3)]);
    readings.select("k2", 2);
    readings.add([reading("k2", 1), reading("k2", 2), reading("k2", 3)]);
    expect(readings.view().points.get("k2")).toHaveLength(2);
  });

  it("gives views that later readings do not change", () => {
    const readings = new Readings(shape, null, 10);
    readings.add([reading("a", 1, 20)]);
    const before = readings.view();
    readings.add([reading("a", 2, 30)]);
    expect(before.latest[0]?.reading.temperature).toBe(20);
    expect(before.points.get("a")).toHaveLength(1);
  });
});
