// Computes a window's rows from the readings that are kept; slow, and right enough to look at.

import { stamp } from "./simulation.mjs";

const UNITS = { s: 1000, m: 60_000, h: 3_600_000 };
const duration = (text) => Number.parseInt(text, 10) * UNITS[text.at(-1)];

/** Newest window end first. */
export function rowsOf({ example, readings }, window) {
  const wanted = readings.filter(({ value }) => example.where?.[window.name]?.(value) ?? true);
  const rows = window.kind === "session" ? sessions(window, wanted) : fixed(example, window, wanted);
  const end = window.columns.find(({ holds }) => holds === "end").name;
  return rows.sort((a, b) => (a[end] < b[end] ? 1 : -1));
}

function fixed(example, window, readings) {
  const size = duration(window.size);
  const slide = window.slide ? duration(window.slide) : size;
  const panes = new Map();
  for (const { time, value } of readings) {
    const group = window.groupBy.map((name) => value[name]);
    for (let start = Math.floor(time / slide) * slide; start > time - size; start -= slide) {
      const id = JSON.stringify([start, ...group]);
      const pane = panes.get(id) ?? { start, group, values: [] };
      pane.values.push(value);
      panes.set(id, pane);
    }
  }
  const aggregates = Object.entries(example.aggregates[window.name]);
  return [...panes.values()].map(({ start, group, values }) => ({
    window_start: stamp(start),
    window_end: stamp(start + size),
    ...Object.fromEntries(window.groupBy.map((name, at) => [name, group[at]])),
    ...Object.fromEntries(aggregates.map(([name, compute]) => [name, compute(values)])),
  }));
}

function sessions(window, readings) {
  const gap = duration(window.gap);
  const [groupName] = window.groupBy;
  const open = new Map();
  const all = [];
  for (const { time, value } of readings) {
    const group = value[groupName];
    const known = open.get(group);
    if (known && time <= known.end) {
      known.end = time + gap;
    } else {
      const session = { group, start: time, end: time + gap };
      open.set(group, session);
      all.push(session);
    }
  }
  return all.map(({ group, start, end }) => ({
    [groupName]: group,
    session_start_time: stamp(start),
    session_end_time: stamp(end),
    session_duration_seconds: Math.round((end - start) / 1000),
  }));
}
