import { describe, expect, it } from "vitest";
import { NOON, pipeline, reading, shape } from "../testing/fixtures";
import { combinedChart, fieldChart, summaryOf } from "./chartData";
import { describeChart } from "./chartText";
import { Readings } from "./readings";

const [temperature, humidity] = shape.numeric;
if (!temperature || !humidity) throw new Error("the fixture has two numeric fields");

function viewOf(...readings: Parameters<typeof reading>[]) {
  const all = new Readings(shape, null, 10);
  const list = readings.map((one) => reading(...one));
  // The first tells which keys there are, as GET /keys does.
  all.addLatest(list);
  all.add(list);
  return all.view();
}

describe("fieldChart", () => {
  it("has the points of one key", () => {
    const chart = fieldChart(viewOf(["a", 0, 20], ["a", 1, 21]), temperature);
    expect(chart.times).toEqual([NOON, NOON + 1000]);
    expect(chart.series.map(({ label, values }) => [label, values])).toEqual([["Temperature", [20, 21]]]);
  });

  it("has a line a key on common times", () => {
    const chart = fieldChart(viewOf(["b", 0, 20], ["a", 1, 30]), temperature);
    expect(chart.series.map(({ label, values }) => [label, values])).toEqual([
      ["a", [null, 30]],
      ["b", [20, null]],
    ]);
  });

  it("has mean and range of many keys", () => {
    const many = Array.from({ length: 9 }, (_, at) => [`k${at}`, 0, 20 + at] as [string, number, number]);
    const chart = fieldChart(viewOf(...many), temperature);
    expect(chart.series.map(({ label, values }) => [label, values])).toEqual([
      ["Mean", [24]],
      ["Greatest", [28]],
      ["Least", [20]],
    ]);
  });
});

describe("combinedChart", () => {
  it("puts two fields of one key on two axes", () => {
    const chart = combinedChart(viewOf(["a", 0, 20, 50]), temperature, humidity);
    expect(chart?.series.map(({ label, axis, values }) => [label, axis, values])).toEqual([
      ["Temperature", "left", [20]],
      ["Humidity", "right", [50]],
    ]);
  });

  it("is left out for a few keys", () => {
    expect(combinedChart(viewOf(["a", 0], ["b", 0]), temperature, humidity)).toBeNull();
  });
});

describe("describeChart", () => {
  it("says what a line comes to", () => {
    const chart = fieldChart(viewOf(["a", 0, 20], ["a", 1, 22.5], ["a", 2, 21]), temperature);
    expect(describeChart("Temperature", chart)).toBe(
      "Temperature, 3 points from 12:00:00 to 12:00:02. Temperature: latest 21.00, least 20.00, greatest 22.50.",
    );
    expect(summaryOf(chart)).toMatchObject([{ latest: 21, min: 20, max: 22.5 }]);
  });

  it("says when there is nothing", () => {
    expect(describeChart("Temperature", { times: [], series: [] })).toBe("Temperature: nothing to draw yet.");
  });
});

it("draws whole numbers and fractions, and not the key", () => {
  expect(pipeline().input.fields).toHaveLength(4);
  expect(shape.numeric.map(({ name }) => name)).toEqual(["temperature", "humidity"]);
});
