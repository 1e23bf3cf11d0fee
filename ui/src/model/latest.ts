import type { Reading } from "../api/types";
import { keyOf, timeOf, type Shape } from "./shape";

/** The newest reading of a key, by event time. Replaced, never changed, so that views can compare. */
export interface Latest {
  key: string;
  reading: Reading;
  time: number;
  /** The reading before it. */
  previous: Reading | null;
  previousTime: number;
  /** The usual time between readings; null while fewer than two are known. */
  interval: number | null;
}

/** How much one interval weighs against those before it. */
const SMOOTHING = 0.2;

const byKey = new Intl.Collator("en", { numeric: true });

export class LatestByKey {
  readonly #entries = new Map<string, Latest>();
  #order: string[] = [];
  readonly #shape: Shape;

  constructor(shape: Shape) {
    this.#shape = shape;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Latest | undefined {
    return this.#entries.get(key);
  }

  /** In the order of keys. */
  all(): Latest[] {
    if (this.#order.length !== this.#entries.size) {
      this.#order = [...this.#entries.keys()].sort(byKey.compare);
    }
    return this.#order.flatMap((key) => this.#entries.get(key) ?? []);
  }

  add(reading: Reading): void {
    const key = keyOf(this.#shape, reading);
    const time = timeOf(this.#shape, reading);
    const known = this.#entries.get(key);
    if (!known) {
      this.#entries.set(key, { key, reading, time, previous: null, previousTime: NaN, interval: null });
    } else {
      this.#entries.set(key, update(known, reading, time));
    }
  }
}

function update(known: Latest, reading: Reading, time: number): Latest {
  if (time > known.time) {
    return {
      key: known.key,
      reading,
      time,
      previous: known.reading,
      previousTime: known.time,
      interval: smooth(known.interval, time - known.time),
    };
  }
  // A late reading can still be the one before the newest.
  if (time < known.time && !(time <= known.previousTime)) {
    return {
      ...known,
      previous: reading,
      previousTime: time,
      interval: known.interval ?? known.time - time,
    };
  }
  return known;
}

function smooth(usual: number | null, interval: number): number {
  return usual === null ? interval : usual + SMOOTHING * (interval - usual);
}
