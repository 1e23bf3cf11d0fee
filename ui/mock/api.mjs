// Answers the API's paths from a simulation.

import { rowsOf } from "./windows.mjs";

/** A problem to answer with. */
export class Refusal extends Error {
  constructor(status, title, detail, headers = {}) {
    super(detail);
    Object.assign(this, { status, title, detail, headers });
  }
}

/** The answer to a path: its data, and where its next page is. */
export function answer(simulation, url) {
  const { pipeline } = simulation.example;
  const [, path, name] = url.pathname.split("/");
  const key = url.searchParams.get("key");
  switch (path) {
    case "pipeline":
      return { data: pipeline };
    case "health":
      return { data: simulation.health() };
    case "latest": {
      const newest = newestOf(readingsOf(simulation, pipeline, key), 1);
      if (newest.length === 0) throw new Refusal(404, "Not found", "There is no reading yet");
      return { data: newest[0] };
    }
    case "history": {
      const newest = newestOf(readingsOf(simulation, pipeline, key), limitOf(url, pipeline));
      return { data: newest };
    }
    case "keys": {
      withTable(pipeline);
      const { input } = pipeline;
      const all = [...simulation.latest.values()];
      all.sort((a, b) => (a[input.key] < b[input.key] ? -1 : 1));
      return page(url, all, pipeline);
    }
    case "windows": {
      const window = pipeline.windows.find((candidate) => candidate.name === decodeURIComponent(name ?? ""));
      if (!window) throw new Refusal(404, "Not found", `There is no window ${name}`);
      return page(url, filtered(url, pipeline, window, rowsOf(simulation, window)), pipeline);
    }
    case "alerts":
      return page(url, simulation.alerts.map(({ value }) => value).reverse(), pipeline);
    case "dead-letters":
      return page(url, simulation.deadLetters.map(({ value }) => value).reverse(), pipeline);
    default:
      return null;
  }
}

function withTable(pipeline) {
  if (pipeline.table === null) throw new Refusal(404, "Not found", "This pipeline has no table of readings");
}

function readingsOf({ readings }, pipeline, key) {
  withTable(pipeline);
  if (key === null) return readings;
  return readings.filter(({ value }) => String(value[pipeline.input.key]) === key);
}

function newestOf(readings, limit) {
  return readings.slice(-limit).map(({ value }) => value);
}

function filtered(url, pipeline, window, rows) {
  const { key: keyField } = pipeline.input;
  const key = url.searchParams.get("key");
  if (key !== null && !window.groupBy.includes(keyField)) {
    throw new Refusal(400, "Bad request", `${window.name} is not grouped by ${keyField}`);
  }
  const end = window.columns.find(({ holds }) => holds === "end").name;
  const from = url.searchParams.get("from") ?? "";
  const to = url.searchParams.get("to") ?? "9";
  return rows.filter(
    (row) => row[end] >= from && row[end] < to && (key === null || String(row[keyField]) === key),
  );
}

function page(url, all, pipeline) {
  const limit = limitOf(url, pipeline);
  const first = Number(url.searchParams.get("cursor") ?? 0);
  const data = all.slice(first, first + limit);
  if (first + limit >= all.length) return { data };
  const next = new URLSearchParams(url.searchParams);
  next.set("cursor", String(first + limit));
  return { data, next: `${url.pathname.slice(1)}?${next}` };
}

function limitOf(url, { limits }) {
  const limit = Number(url.searchParams.get("limit") ?? 100);
  if (!(limit >= 1 && limit <= limits.pageSize)) {
    throw new Refusal(400, "Bad request", `limit is from 1 to ${limits.pageSize}`);
  }
  return limit;
}
