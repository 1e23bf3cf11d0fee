import type { Column, Field } from "../api/types";
import { titleOf, titleWithin } from "./names";
import type { ReadingsView } from "./readings";
import { numberOf } from "./shape";

export interface Series {
  label: string;
  type: Column["type"];
  values: readonly (number | null)[];
  /** A line, an edge of the band that is filled between two edges, or single points. */
  style: "line" | "edge";
  axis: "left" | "right";
}

export interface ChartData {
  /** Milliseconds since 1970. */
  times: readonly number[];
  series: readonly Series[];
}

export interface LabelledLine {
  label: string;
  points: readonly (readonly [time: number, value: number | null])[];
}

/** Lines with times of their own, on one axis of time. */
export function joinLines(lines: readonly LabelledLine[], type: Column["type"]): ChartData {
  const times = [...new Set(lines.flatMap(({ points }) => points.map(([time]) => time)))].sort(
    (a, b) => a - b,
  );
  return {
    times,
    series: lines.map(({ label, points }) => {
      const byTime = new Map(points);
      return {
        label,
        type,
        values: times.map((time) => byTime.get(time) ?? null),
        style: "line",
        axis: "left",
      };
    }),
  };
}

/** One field of the readings: a line a key, or of many keys the mean and range by step. */
export function fieldChart(view: ReadingsView, field: Field): ChartData {
  if (view.scope.kind === "many") {
    return {
      times: view.buckets.map(({ start }) => start),
      series: [mean(view, field, "left"), edge(view, field, "max"), edge(view, field, "min")],
    };
  }
  const one = view.scope.kind === "one";
  return joinLines(
    view.latest.flatMap(({ key }) => {
      const points = view.points.get(key);
      if (!points) return [];
      const label = one ? titleOf(field.name) : key;
      return { label, points: points.map(({ time, reading }) => [time, numberOf(reading[field.name])]) };
    }),
    field.type,
  );
}

/** Two fields on two axes: of one key, or the means of many; null when neither would be one line each. */
export function combinedChart(view: ReadingsView, left: Field, right: Field): ChartData | null {
  if (view.scope.kind === "many") {
    return {
      times: view.buckets.map(({ start }) => start),
      series: [mean(view, left, "left"), mean(view, right, "right")].map((series, at) => ({
        ...series,
        label: `Mean ${titleWithin(at === 0 ? left.name : right.name)}`,
      })),
    };
  }
  if (view.scope.kind === "few") return null;
  const points = view.points.get(view.scope.key) ?? [];
  const series = (field: Field, axis: "left" | "right"): Series => ({
    label: titleOf(field.name),
    type: field.type,
    values: points.map(({ reading }) => numberOf(reading[field.name])),
    style: "line",
    axis,
  });
  return { times: points.map(({ time }) => time), series: [series(left, "left"), series(right, "right")] };
}

export interface Summary {
  label: string;
  type: Column["type"];
  latest: number | null;
  min: number;
  max: number;
}

/** Each line's newest, least and greatest value; lines without values are left out. */
export function summaryOf({ series }: ChartData): Summary[] {
  return series
    .filter(({ style }) => style === "line")
    .flatMap(({ label, type, values }) => {
      const known = values.filter((value) => value !== null);
      if (known.length === 0) return [];
      return [
        { label, type, latest: known.at(-1) ?? null, min: Math.min(...known), max: Math.max(...known) },
      ];
    });
}

function mean(view: ReadingsView, field: Field, axis: "left" | "right"): Series {
  const values = view.buckets.map(({ fields }) => {
    const spread = fields.get(field.name);
    return spread ? spread.sum / spread.count : null;
  });
  // The mean of whole numbers is not one.
  return { label: "Mean", type: "double", values, style: "line", axis };
}

function edge(view: ReadingsView, field: Field, of: "min" | "max"): Series {
  return {
    label: of === "min" ? "Least" : "Greatest",
    type: field.type,
    values: view.buckets.map(({ fields }) => fields.get(field.name)?.[of] ?? null),
    style: "edge",
    axis: "left",
  };
}
