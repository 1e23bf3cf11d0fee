import { numberOf } from "./shape";
import type { Latest } from "./latest";

export type Trend = "up" | "down" | "same";

/** How a field has changed since the reading before; null when there is nothing to compare. */
export function trendOf({ reading, previous }: Latest, field: string): Trend | null {
  const now = numberOf(reading[field]);
  const before = numberOf(previous?.[field]);
  if (now === null || before === null) return null;
  if (now === before) return "same";
  return now > before ? "up" : "down";
}
