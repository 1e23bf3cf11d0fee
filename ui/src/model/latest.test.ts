import { describe, expect, it } from "vitest";
import { reading, shape } from "../testing/fixtures";
import { LatestByKey } from "./latest";
import { trendOf } from "./trend";

function latestOf(...readings: Parameters<typeof reading>[]) {
  const latest = new LatestByKey(shape);
  for (const one of readings) latest.add(reading(...one));
  return latest;
}

describe("LatestByKey", () => {
  it("keeps the newest by event time, whatever the order of arrival", () => {
    const latest = latestOf(["a", 2, 22], ["a", 3, 23], ["a", 1, 21]).get("a");
    expect(latest?.reading.temperature).toBe(23);
    expect(latest?.previous?.temperature).toBe(22);
  });

  it("takes a late reading as the one before when it is", () => {
    const latest = latestOf(["a", 1, 21], ["a", 3, 23], ["a", 2, 22]).get("a");
    expect(latest?.previous?.temperature).toBe(22);
  });

  it("is not moved by the same reading again", () => {
    const latest = latestOf(["a", 1, 21], ["a", 2, 22]);
    const before = latest.get("a");
    latest.add(reading("a", 2, 22));
    expect(latest.get("a")).toBe(before);
  });

  it("learns the usual interval", () => {
    expect(latestOf(["a", 1]).get("a")?.interval).toBeNull();
    expect(latestOf(["a", 1], ["a", 6], ["a", 11]).get("a")?.interval).toBe(5000);
  });

  it("orders keys as people do", () => {
    const latest = latestOf(["m-10", 1], ["m-9", 1], ["m-1", 1]);
    expect(latest.all().map(({ key }) => key)).toEqual(["m-1", "m-9", "m-10"]);
  });
});

describe("trendOf", () => {
  it("compares with the reading before", () => {
    const up = latestOf(["a", 1, 20, 50], ["a", 2, 21, 50]).get("a");
    const down = latestOf(["a", 1, 20], ["a", 2, 19]).get("a");
    const only = latestOf(["a", 1]).get("a");
    expect(up && trendOf(up, "temperature")).toBe("up");
    expect(up && trendOf(up, "humidity")).toBe("same");
    expect(down && trendOf(down, "temperature")).toBe("down");
    expect(only && trendOf(only, "temperature")).toBeNull();
  });
});
