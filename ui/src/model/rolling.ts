import type { Reading } from "../api/types";

export interface Point {
  time: number;
  reading: Reading;
}

/**
 * The newest `limit` points of both, oldest first. What arrives may be late, and may have been here before
 * (history and live readings overlap), so it is put in its place by event time, once.
 */
export function roll(points: readonly Point[], arriving: readonly Point[], limit: number): readonly Point[] {
  if (arriving.length === 0 && points.length <= limit) return points;
  const sorted = [...points, ...arriving].sort((a, b) => a.time - b.time);
  return sorted.filter((point, at) => !seenBefore(sorted, at, point)).slice(-limit);
}

function seenBefore(sorted: readonly Point[], at: number, point: Point): boolean {
  for (let before = at - 1; before >= 0; before--) {
    const other = sorted[before];
    if (other?.time !== point.time) return false;
    if (sameReading(other.reading, point.reading)) return true;
  }
  return false;
}

function sameReading(a: Reading, b: Reading): boolean {
  return a === b || Object.keys(a).every((field) => a[field] === b[field]);
}
