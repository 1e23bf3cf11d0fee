import type { Latest } from "./latest";
import { numberOf } from "./shape";

export interface KeySort {
  /** A field, or "key" or "age". */
  by: string;
  descending: boolean;
}

/** Sorted by one column; in the order of keys where equal. Rows without a value come last. */
export function sortLatest(latest: readonly Latest[], { by, descending }: KeySort): readonly Latest[] {
  if (by === "key") return descending ? latest.toReversed() : latest;
  const direction = descending ? -1 : 1;
  return latest.toSorted((a, b) => {
    const left = valueOf(a, by);
    const right = valueOf(b, by);
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    if (left === right) return 0;
    return left < right ? -direction : direction;
  });
}

function valueOf({ reading, time }: Latest, by: string): number | string | null {
  // The older, the greater.
  if (by === "age") return -time;
  const value = reading[by];
  return numberOf(value) ?? (value === null || value === undefined ? null : String(value));
}
