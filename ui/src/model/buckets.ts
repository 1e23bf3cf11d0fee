import type { Reading } from "../api/types";
import { numberOf, timeOf, type Shape } from "./shape";

/** What all keys' readings of one step of event time come to, by field. */
export interface Bucket {
  start: number;
  fields: ReadonlyMap<string, Spread>;
}

export interface Spread {
  count: number;
  sum: number;
  min: number;
  max: number;
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600].map((seconds) => seconds * 1000);
const LONGEST = 3_600_000;

/**
 * How long it takes until about every key has had a reading, from the times of each one's newest: half of them are within
 * the newer half of that. Those that have been silent for long do not matter, as long as they are few.
 */
export function roundOf(times: readonly number[]): number {
  const sorted = times.filter((time) => !Number.isNaN(time)).sort((a, b) => b - a);
  const [newest] = sorted;
  const median = sorted[Math.floor(sorted.length / 2)];
  return newest === undefined || median === undefined ? 0 : 2 * (newest - median);
}

/** A step in which about every key has a reading, so that means of one step and the next compare. */
export function stepFor(round: number): number {
  return STEPS.find((step) => step >= round) ?? LONGEST;
}

/** The newest steps of event time, for a chart of more keys than lines can show. */
export class Buckets {
  readonly step: number;
  readonly #shape: Shape;
  readonly #limit: number;
  readonly #buckets = new Map<number, Map<string, Spread>>();

  constructor(shape: Shape, step: number, limit: number) {
    this.#shape = shape;
    this.step = step;
    this.#limit = limit;
  }

  add(reading: Reading): void {
    const time = timeOf(this.#shape, reading);
    if (Number.isNaN(time)) return;
    const start = Math.floor(time / this.step) * this.step;
    const fields = this.#buckets.get(start) ?? new Map<string, Spread>();
    this.#buckets.set(start, fields);
    for (const { name } of this.#shape.numeric) {
      const value = numberOf(reading[name]);
      if (value !== null) fields.set(name, widen(fields.get(name), value));
    }
  }

  /** Oldest first. */
  newest(): Bucket[] {
    const starts = [...this.#buckets.keys()].sort((a, b) => a - b);
    for (const start of starts.slice(0, -this.#limit)) this.#buckets.delete(start);
    return starts.slice(-this.#limit).map((start) => ({ start, fields: new Map(this.#buckets.get(start)) }));
  }
}

function widen(spread: Spread | undefined, value: number): Spread {
  if (!spread) return { count: 1, sum: value, min: value, max: value };
  return {
    count: spread.count + 1,
    sum: spread.sum + value,
    min: Math.min(spread.min, value),
    max: Math.max(spread.max, value),
  };
}
