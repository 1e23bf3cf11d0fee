import { ApiError, type Client } from "../api/client";
import type { Alert, DeadLetter, Health, Pipeline, Problem, Reading } from "../api/types";
import { roundOf, stepFor } from "../model/buckets";
import type { Readings } from "../model/readings";

export type Section = "health" | "readings" | "alerts" | "deadLetters";

/** Of each section: how its last load went; absent before the first. */
export type SectionStates = Partial<Record<Section, "loading" | "loaded" | Problem>>;

export type Loaded =
  | { kind: "health"; health: Health }
  | { kind: "readings" }
  | { kind: "alerts"; alerts: Alert[] }
  | { kind: "deadLetters"; letters: DeadLetter[] }
  | { kind: "failed"; problem: Problem };

export interface LoadOptions {
  client: Client;
  pipeline: Pipeline;
  readings: Readings;
  selected: string | null;
  limit: number;
  signal: AbortSignal;
  loaded: (section: Section, loaded: Loaded) => void;
}

export type Outcome = {
  unauthorized: boolean;
  failed: boolean;
  /** The longest that the API asked to wait. */
  retryAfter: number;
} & ({ answered: true } | { answered: false; problem: Problem });

const KEYS_A_PAGE = 1000;
const MOST_KEYS = 20_000;
const JOURNAL = 100;
/** Enough for the means of many keys, and not too much to ask for. */
const MOST_HISTORY = 5000;

/** Loads all sections, each by itself: one that fails does not stop the others. */
export async function load(options: LoadOptions): Promise<Outcome> {
  const { client, pipeline, signal, loaded } = options;

  async function section(name: Section, request: () => Promise<Loaded>): Promise<ApiError | null> {
    try {
      const result = await request();
      if (!signal.aborted) loaded(name, result);
      return null;
    } catch (error) {
      if (signal.aborted) return null;
      if (!(error instanceof ApiError)) throw error;
      loaded(name, { kind: "failed", problem: error.problem });
      return error;
    }
  }

  const requests = [
    section("health", async () => ({
      kind: "health",
      health: await client.get<Health>("health", {}, signal),
    })),
    section("deadLetters", async () => ({
      kind: "deadLetters",
      letters: await client.list<DeadLetter>("dead-letters", { limit: JOURNAL }, JOURNAL, signal),
    })),
  ];
  if (pipeline.rules.length > 0) {
    requests.push(
      section("alerts", async () => ({
        kind: "alerts",
        alerts: await client.list<Alert>("alerts", { limit: JOURNAL }, JOURNAL, signal),
      })),
    );
  }
  if (pipeline.table !== null) {
    requests.push(
      section("readings", async () => {
        await loadReadings(options);
        return { kind: "readings" };
      }),
    );
  }
  return outcomeOf(await Promise.all(requests));
}

async function loadReadings(options: LoadOptions): Promise<void> {
  const { client, pipeline, readings, selected, limit, signal } = options;
  const history = (newest: number, key: string | null): Promise<Reading[]> =>
    client.get<Reading[]>("history", { limit: Math.min(newest, pipeline.limits.pageSize), key }, signal);

  let ofEach: Reading[] = [];
  // With one key selected the others are only of use for finding them.
  if (selected === null || readings.keys.length === 0) {
    const page = Math.min(KEYS_A_PAGE, pipeline.limits.pageSize);
    ofEach = await client.list<Reading>("keys", { limit: page }, MOST_KEYS, signal);
    readings.addLatest(ofEach);
  }
  const { scope, keys } = readings;
  if (scope.kind === "one") {
    readings.add(await history(limit, scope.key));
  } else if (scope.kind === "few") {
    const histories = await Promise.all(keys.map((key) => history(limit, key)));
    readings.add(histories.flat());
  } else {
    const round = roundOf(ofEach.map((reading) => Date.parse(String(reading[pipeline.input.eventTime]))));
    const step = stepFor(round);
    const wanted = Math.ceil(keys.length * limit * (step / Math.max(round, 1)));
    const newest = await history(Math.min(wanted, MOST_HISTORY), null);
    // What has come live meanwhile may be counted twice, which a mean hardly shows.
    readings.startBuckets(step);
    readings.add(newest);
  }
}

function outcomeOf(errors: readonly (ApiError | null)[]): Outcome {
  const failures = errors.filter((error) => error !== null);
  const [first] = failures;
  const common = {
    unauthorized: failures.some(({ unauthorized }) => unauthorized),
    failed: failures.length > 0,
    retryAfter: Math.max(0, ...failures.map(({ retryAfter }) => retryAfter ?? 0)),
  };
  return first && failures.length === errors.length
    ? { ...common, answered: false, problem: first.problem }
    : { ...common, answered: true };
}
