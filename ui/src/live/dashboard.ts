import { ApiError, type Client } from "../api/client";
import type { OpenEvents } from "../api/events";
import type { Pipeline, Problem } from "../api/types";
import { Feed } from "./feed";
import type { Schedule } from "./frames";
import type { Preferences } from "./preferences";
import type { Appearance } from "./appearance";
import { signal, type Signal } from "./signal";

const FIRST_RETRY = 1_000;
const LONGEST_RETRY = 15_000;

export type Phase =
  | { kind: "loading" }
  | { kind: "failed"; problem: Problem }
  | { kind: "unauthorized"; refused: boolean }
  | { kind: "ready"; feed: Feed };

export interface DashboardOptions {
  client: Client;
  openEvents: OpenEvents;
  schedule: Schedule;
  now: () => number;
  preferences: Preferences;
  appearance: Signal<Appearance>;
  /** The key that the address selects. */
  selected: () => string | null;
}

/** From opening the page to a running feed, and back when the API wants a token or has become another. */
export class Dashboard {
  readonly phase = signal<Phase>({ kind: "loading" });
  readonly preferences: Preferences;
  readonly appearance: Signal<Appearance>;
  readonly #options: DashboardOptions;
  #feed: Feed | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #delay = FIRST_RETRY;
  #visible = true;

  constructor(options: DashboardOptions) {
    this.#options = options;
    this.preferences = options.preferences;
    this.appearance = options.appearance;
  }

  start(): void {
    void this.#loadPipeline();
  }

  submitToken(token: string): void {
    this.preferences.token.set(token);
    this.phase.set({ kind: "loading" });
    void this.#loadPipeline();
  }

  setVisible(visible: boolean): void {
    if (visible === this.#visible) return;
    this.#visible = visible;
    if (this.phase.get().kind !== "ready") return;
    if (visible) this.#feed?.start();
    else this.#feed?.pause();
  }

  async #loadPipeline(): Promise<void> {
    clearTimeout(this.#retry);
    try {
      const pipeline = await this.#options.client.get<Pipeline>("pipeline");
      this.#delay = FIRST_RETRY;
      this.#show(pipeline);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.unauthorized) {
        this.#askForToken();
        return;
      }
      // A pipeline that is shown stays, whatever becomes of this question.
      if (this.phase.get().kind !== "ready") this.phase.set({ kind: "failed", problem: error.problem });
      this.#retry = setTimeout(() => void this.#loadPipeline(), Math.max(this.#delay, error.retryAfter ?? 0));
      this.#delay = Math.min(this.#delay * 2, LONGEST_RETRY);
    }
  }

  #show(pipeline: Pipeline): void {
    const same = this.#feed && JSON.stringify(this.#feed.pipeline) === JSON.stringify(pipeline);
    if (this.#feed && same && this.phase.get().kind === "ready") return;
    this.#feed?.pause();
    const feed = this.#feed && same ? this.#feed : this.#createFeed(pipeline);
    this.#feed = feed;
    this.phase.set({ kind: "ready", feed });
    if (this.#visible) feed.start();
  }

  #createFeed(pipeline: Pipeline): Feed {
    const { selected, preferences, ...options } = this.#options;
    const feed = new Feed({ ...options, pipeline, selected: selected(), limit: preferences.points.get() });
    let mode = feed.connection.get().mode;
    feed.connection.subscribe(() => {
      const before = mode;
      mode = feed.connection.get().mode;
      if (feed !== this.#feed || mode === before) return;
      if (mode === "unauthorized") this.#askForToken();
      // It may have come back with another version of the pipeline.
      else if (before === "offline" && mode !== "paused") void this.#loadPipeline();
    });
    return feed;
  }

  #askForToken(): void {
    const refused = this.preferences.token.get() !== null;
    this.preferences.token.set(null);
    this.phase.set({ kind: "unauthorized", refused });
  }
}
