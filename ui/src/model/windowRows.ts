import type { Column, Row, Value, WindowSpec } from "../api/types";
import { MOST_LINES } from "./scope";
import { isNumeric, numberOf, parseTime } from "./shape";

const byName = new Intl.Collator("en", { numeric: true });

/** Rows kept; enough for many groups over a while. */
export const ROWS_LIMIT = 4000;

export function columnThat(window: WindowSpec, holds: Column["holds"]): Column | undefined {
  return window.columns.find((column) => column.holds === holds);
}

/** Columns that can be drawn: counts, values and durations. */
export function drawable(window: WindowSpec): Column[] {
  return window.columns.filter(
    ({ holds, type }) => (holds === "count" || holds === "value" || holds === "duration") && isNumeric(type),
  );
}

export function endOf(window: WindowSpec, row: Row): number {
  const column = columnThat(window, "end");
  return parseTime(column && row[column.name]);
}

/** The group that a row is of, in words; "all" in a window without groups. */
export function groupOf(window: WindowSpec, row: Row): string {
  const groups = window.columns.filter(({ holds }) => holds === "group");
  return groups.length === 0 ? "all" : groups.map(({ name }) => text(row[name])).join(", ");
}

/** What tells a row from others: its start and group, which are the table's primary key. */
export function rowId(window: WindowSpec, row: Row): string {
  const start = columnThat(window, "start");
  return `${text(start && row[start.name])}|${groupOf(window, row)}`;
}

/** Both, newest end first, a row that changed as it arrives now. */
export function mergeRows(
  window: WindowSpec,
  rows: readonly Row[],
  arriving: readonly Row[],
): readonly Row[] {
  const byId = new Map(rows.map((row) => [rowId(window, row), row]));
  for (const row of arriving) byId.set(rowId(window, row), row);
  return [...byId.values()].sort((a, b) => endOf(window, b) - endOf(window, a)).slice(0, ROWS_LIMIT);
}

export interface Line {
  label: string;
  points: readonly (readonly [time: number, value: number])[];
}

export interface Lines {
  lines: Line[];
  /** Groups that are not drawn, for want of colours. */
  left: number;
}

/** A line each group over window ends, oldest first; the groups with the greatest newest values when many. */
export function linesOf(window: WindowSpec, rows: readonly Row[], column: string, atMost: number): Lines {
  const groups = new Map<string, [number, number][]>();
  for (const row of rows) {
    const time = endOf(window, row);
    const value = numberOf(row[column]);
    if (value === null || Number.isNaN(time)) continue;
    const group = groupOf(window, row);
    const points = groups.get(group) ?? [];
    // Rows are newest first.
    if (points.length < atMost) points.push([time, value]);
    groups.set(group, points);
  }
  const ranked = [...groups].sort(([, a], [, b]) => newest(b) - newest(a));
  // By name, so that a line keeps its colour when another overtakes it.
  const drawn = ranked
    .slice(0, MOST_LINES)
    .sort(([a], [b]) => byName.compare(a, b))
    .map(([label, points]) => ({ label, points: points.toReversed() }));
  return { lines: drawn, left: ranked.length - drawn.length };
}

function newest(points: readonly (readonly [number, number])[]): number {
  return points[0]?.[1] ?? -Infinity;
}

function text(value: Value | undefined): string {
  return value === null || value === undefined ? "–" : String(value);
}
