import type { Row, WindowSpec } from "../api/types";
import { numberOf, parseTime } from "./shape";
import { columnThat, endOf } from "./windowRows";

/** How long a session is, in milliseconds: as its row says, or from start to end. */
export function lengthOf(window: WindowSpec, row: Row): number {
  const duration = columnThat(window, "duration");
  const seconds = duration ? numberOf(row[duration.name]) : null;
  if (seconds !== null) return seconds * 1000;
  const start = columnThat(window, "start");
  const length = endOf(window, row) - parseTime(start && row[start.name]);
  return Number.isNaN(length) ? 0 : length;
}
