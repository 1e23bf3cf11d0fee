import type { Client } from "../api/client";
import type { EventStream, OpenEvents, StreamFailure } from "../api/events";
import type { Alert, DeadLetter, Health, Pipeline, Reading } from "../api/types";
import {
  initialConnection,
  nextConnection,
  polls,
  type Connection,
  type ConnectionEvent,
} from "../model/connection";
import { record } from "../model/journal";
import { Readings, type ReadingsView } from "../model/readings";
import { clockOffset } from "../model/serverClock";
import { shapeOf, type Shape } from "../model/shape";
import type { Schedule } from "./frames";
import { load, type Loaded, type Section, type SectionStates } from "./load";
import { signal } from "./signal";

export const POLL_EVERY = 5_000;
/** While the stream works, how soon a request that failed is made again. */
export const RETRY_LOAD_AFTER = 2_000;
/** How long the first load waits for the stream, so that nothing is missed between the two. */
export const WAIT_FOR_STREAM = 1_000;
export const RECONNECT_AFTER = 2_000;
/** While polling, how often the stream is tried again. */
export const RETRY_STREAM_EVERY = 30_000;

export interface FeedOptions {
  pipeline: Pipeline;
  client: Client;
  openEvents: OpenEvents;
  schedule: Schedule;
  now: () => number;
  selected: string | null;
  /** Points of the rolling window. */
  limit: number;
}

/**
 * Keeps what the page shows of a pipeline up to date: by the stream of events, or by polling when there is none.
 * It starts paused.
 */
export class Feed {
  readonly pipeline: Pipeline;
  readonly shape: Shape;
  readonly client: Client;
  readonly connection;
  readonly readings;
  readonly health = signal<Health | null>(null);
  readonly alerts = signal<readonly Alert[]>([]);
  readonly deadLetters = signal<readonly DeadLetter[]>([]);
  readonly sections = signal<SectionStates>({});
  /** How far the server's clock is ahead, in milliseconds. */
  readonly clockOffset = signal(0);

  readonly #options: FeedOptions;
  readonly #readings: Readings;
  #selected: string | null;
  #limit: number;
  #stream: EventStream | null = null;
  /** Nothing has come of it yet. */
  #streamIsNew = false;
  #lastEventId: string | null = null;
  #pending: Reading[] = [];
  #loading: AbortController | null = null;
  #loadTimer: ReturnType<typeof setTimeout> | undefined;
  #streamTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.pipeline = options.pipeline;
    this.client = options.client;
    this.shape = shapeOf(options.pipeline);
    this.#selected = options.selected;
    this.#limit = options.limit;
    this.#readings = new Readings(this.shape, options.selected, options.limit);
    this.connection = signal<Connection>(initialConnection(options.now()));
    this.readings = signal<ReadingsView>(this.#readings.view());
  }

  start(): void {
    this.#go({ type: "start" });
    this.#openStream();
    this.#loadAfter(WAIT_FOR_STREAM);
  }

  /** Lets go of the network; what is known stays. */
  pause(): void {
    this.#stop();
    this.#go({ type: "hidden" });
  }

  /** Shows one key's readings, or all (null), and as many points of each. */
  show(selected: string | null, limit: number): void {
    const anotherKey = selected !== this.#selected;
    if (!anotherKey && limit === this.#limit) return;
    this.#selected = selected;
    this.#limit = limit;
    this.#readings.select(selected, limit);
    this.sections.set({ ...this.sections.get(), readings: "loading" });
    this.#publish();
    if (this.connection.get().mode === "paused") return;
    // Its place in the other key's stream means nothing here.
    if (anotherKey) this.#lastEventId = null;
    if (anotherKey && this.#stream) {
      this.#openStream();
      this.#loadAfter(WAIT_FOR_STREAM);
    } else {
      void this.#load();
    }
  }

  #stop(): void {
    clearTimeout(this.#streamTimer);
    clearTimeout(this.#loadTimer);
    this.#stream?.close();
    this.#stream = null;
    this.#loading?.abort();
    this.#loading = null;
  }

  #go(event: ConnectionEvent): void {
    this.connection.set(nextConnection(this.connection.get(), event, this.#options.now()));
  }

  #openStream(): void {
    clearTimeout(this.#streamTimer);
    this.#stream?.close();
    this.#streamIsNew = true;
    this.#stream = this.#options.openEvents(this.#selected, this.#lastEventId, {
      health: (health) => this.#setHealth(health),
      readings: (readings) => this.#receive(readings),
      alerts: (alerts) => this.alerts.set(record(this.alerts.get(), alerts)),
      deadLetters: (letters) => this.deadLetters.set(record(this.deadLetters.get(), letters)),
      gap: () => void this.#load(),
      received: (id) => {
        this.#lastEventId = id;
        this.#streamWorks();
      },
      broke: (failure) => this.#streamBroke(failure),
    });
  }

  #streamWorks(): void {
    this.#go({ type: "stream-works" });
    if (!this.#streamIsNew) return;
    this.#streamIsNew = false;
    // What was before the stream is loaded now that nothing after it is missed.
    void this.#load();
  }

  #streamBroke({ status, retryAfter }: StreamFailure): void {
    this.#stream = null;
    if (status === 401) {
      this.#unauthorized();
      return;
    }
    const before = this.connection.get();
    this.#go({ type: "stream-broke" });
    const nowPolls = polls(this.connection.get());
    const wait = Math.max(nowPolls ? RETRY_STREAM_EVERY : RECONNECT_AFTER, retryAfter ?? 0);
    this.#streamTimer = setTimeout(() => this.#openStream(), wait);
    if (before.mode === "connecting" || (nowPolls && !polls(before))) void this.#load();
  }

  #unauthorized(): void {
    this.#stop();
    this.#go({ type: "unauthorized" });
  }

  #receive(readings: Reading[]): void {
    const idle = this.#pending.length === 0;
    this.#pending.push(...readings);
    if (idle) this.#options.schedule(() => this.#flush());
  }

  #flush(): void {
    const readings = this.#pending;
    this.#pending = [];
    const needsHistory = this.#readings.add(readings);
    this.#publish();
    if (needsHistory && this.connection.get().mode !== "paused") void this.#load();
  }

  #publish(): void {
    this.readings.set(this.#readings.view());
  }

  #setHealth(health: Health): void {
    this.clockOffset.set(clockOffset(health.observedAt, this.#options.now()));
    this.health.set(health);
  }

  /** Asks for everything at once. A newer load takes the place of one under way. */
  async #load(): Promise<void> {
    clearTimeout(this.#loadTimer);
    this.#loading?.abort();
    const loading = new AbortController();
    this.#loading = loading;
    const outcome = await load({
      client: this.client,
      pipeline: this.pipeline,
      readings: this.#readings,
      selected: this.#selected,
      limit: this.#limit,
      signal: loading.signal,
      loaded: (section, loaded) => this.#take(section, loaded),
    });
    if (loading.signal.aborted) return;
    this.#loading = null;
    const wasOffline = this.connection.get().mode === "offline";
    if (outcome.unauthorized) {
      this.#unauthorized();
      return;
    }
    this.#go(outcome.answered ? { type: "answered" } : { type: "unanswered", problem: outcome.problem });
    if (wasOffline && outcome.answered) this.#openStream();
    const polling = polls(this.connection.get());
    if (polling || outcome.failed) {
      this.#loadAfter(Math.max(polling ? POLL_EVERY : RETRY_LOAD_AFTER, outcome.retryAfter));
    }
  }

  #loadAfter(wait: number): void {
    clearTimeout(this.#loadTimer);
    this.#loadTimer = setTimeout(() => void this.#load(), wait);
  }

  #take(section: Section, loaded: Loaded): void {
    switch (loaded.kind) {
      case "health":
        this.#setHealth(loaded.health);
        break;
      case "readings":
        this.#publish();
        break;
      case "alerts":
        this.alerts.set(record(this.alerts.get(), loaded.alerts));
        break;
      case "deadLetters":
        this.deadLetters.set(record(this.deadLetters.get(), loaded.letters));
        break;
      case "failed":
        // Part of it may have come: the newest of each key, without history.
        if (section === "readings") this.#publish();
        break;
    }
    this.sections.set({
      ...this.sections.get(),
      [section]: loaded.kind === "failed" ? loaded.problem : "loaded",
    });
  }
}
