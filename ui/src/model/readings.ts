import type { Reading } from "../api/types";
import { Buckets, type Bucket } from "./buckets";
import { LatestByKey, type Latest } from "./latest";
import { roll, type Point } from "./rolling";
import { sameScope, scopeOf, type Scope } from "./scope";
import { keyOf, timeOf, type Shape } from "./shape";

/** What views see of the readings: values that are replaced, never changed. */
export interface ReadingsView {
  scope: Scope;
  /** In the order of keys. */
  latest: readonly Latest[];
  /** The rolling window of each key with a line. */
  points: ReadonlyMap<string, readonly Point[]>;
  /** Instead of lines, when there are many keys. */
  buckets: readonly Bucket[];
  bucketStep: number;
}

/** All that is known of the readings: the newest of each key, and rolling windows for the charts. */
export class Readings {
  readonly #shape: Shape;
  readonly #latest: LatestByKey;
  #selected: string | null;
  #limit: number;
  #scope: Scope;
  #points = new Map<string, readonly Point[]>();
  #buckets: Buckets;

  constructor(shape: Shape, selected: string | null, limit: number) {
    this.#shape = shape;
    this.#latest = new LatestByKey(shape);
    this.#selected = selected;
    this.#limit = limit;
    this.#scope = scopeOf(selected, []);
    this.#buckets = new Buckets(shape, 1000, limit);
  }

  get scope(): Scope {
    return this.#scope;
  }

  get keys(): string[] {
    return this.#latest.all().map(({ key }) => key);
  }

  select(selected: string | null, limit: number): void {
    this.#selected = selected;
    this.#limit = limit;
    this.#points.clear();
    this.startBuckets(this.#buckets.step);
    this.#rescope();
  }

  /** Forgets what the chart of many keys has, before history fills it anew. */
  startBuckets(step: number): void {
    this.#buckets = new Buckets(this.#shape, step, this.#limit);
  }

  /** The newest readings of each key, for what is current only. */
  addLatest(readings: readonly Reading[]): void {
    for (const reading of readings) this.#latest.add(reading);
    this.#rescope();
  }

  /** Readings for what is current and for the charts. Answers whether the charts now need another history. */
  add(readings: readonly Reading[]): boolean {
    for (const reading of readings) this.#latest.add(reading);
    const changed = this.#rescope();
    if (this.#scope.kind === "many") {
      for (const reading of readings) this.#buckets.add(reading);
    } else {
      this.#rollIn(readings);
    }
    return changed;
  }

  view(): ReadingsView {
    return {
      scope: this.#scope,
      latest: this.#latest.all(),
      points: new Map(this.#points),
      buckets: this.#scope.kind === "many" ? this.#buckets.newest() : [],
      bucketStep: this.#buckets.step,
    };
  }

  #rollIn(readings: readonly Reading[]): void {
    const arriving = new Map<string, Point[]>();
    for (const reading of readings) {
      const key = keyOf(this.#shape, reading);
      if (this.#scope.kind === "one" && this.#scope.key !== key) continue;
      const points = arriving.get(key) ?? [];
      points.push({ time: timeOf(this.#shape, reading), reading });
      arriving.set(key, points);
    }
    for (const [key, points] of arriving) {
      this.#points.set(key, roll(this.#points.get(key) ?? [], points, this.#limit));
    }
  }

  #rescope(): boolean {
    const scope = scopeOf(this.#selected, this.keys);
    if (sameScope(scope, this.#scope)) return false;
    this.#scope = scope;
    if (scope.kind === "many") this.#points.clear();
    return true;
  }
}
