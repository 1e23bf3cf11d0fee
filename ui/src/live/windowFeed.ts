import { ApiError, type Client } from "../api/client";
import type { Health, Problem, Row, WindowSpec } from "../api/types";
import { mergeRows } from "../model/windowRows";
import { signal, type Signal } from "./signal";

export const REFRESH_AFTER = 2_000;
const RETRY_AFTER = 5_000;
const ROWS_AT_FIRST = 4000;
const ROWS_ANEW = 1000;

export interface WindowState {
  rows: readonly Row[];
  loaded: boolean;
  problem: Problem | null;
}

export interface WindowFeedOptions {
  client: Client;
  window: WindowSpec;
  key: string | null;
  pageSize: number;
  health: Signal<Health | null>;
  now: () => number;
}

/** Keeps the rows of one window up to date: asks again when more records have been read, and not too often. */
export class WindowFeed {
  readonly state = signal<WindowState>({ rows: [], loaded: false, problem: null });
  readonly #options: WindowFeedOptions;
  #read: number | null = null;
  /** Windows that ended before this can't change any more. */
  #finalBefore: string | null = null;
  #notBefore = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #loading: AbortController | null = null;

  constructor(options: WindowFeedOptions) {
    this.#options = options;
  }

  /** Answers how to stop. */
  start(): () => void {
    const unsubscribe = this.#options.health.subscribe(() => this.#refresh());
    void this.#load();
    return () => {
      unsubscribe();
      clearTimeout(this.#timer);
      this.#loading?.abort();
      this.#loading = null;
    };
  }

  #refresh(): void {
    const health = this.#options.health.get();
    if (!health || health.records.read === this.#read || this.#loading) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#load(), Math.max(0, this.#notBefore - this.#options.now()));
  }

  async #load(): Promise<void> {
    const { client, window, key, pageSize, health, now } = this.#options;
    const loading = new AbortController();
    this.#loading = loading;
    const read = health.get()?.records.read ?? null;
    const watermark = health.get()?.watermark ?? null;
    this.#notBefore = now() + REFRESH_AFTER;
    // A session can grow, and two can become one; so sessions are read anew.
    const from = window.kind === "session" ? null : this.#finalBefore;
    try {
      const path = `windows/${encodeURIComponent(window.name)}`;
      const limit = window.kind === "session" || from !== null ? ROWS_ANEW : ROWS_AT_FIRST;
      const query = { limit: Math.min(limit, pageSize), key, from };
      const arriving = await client.get<Row[]>(path, query, loading.signal);
      const known = from === null ? [] : this.state.get().rows;
      this.state.set({ rows: mergeRows(window, known, arriving), loaded: true, problem: null });
      this.#read = read;
      this.#finalBefore = watermark;
    } catch (error) {
      if (loading.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.state.set({ ...this.state.get(), problem: error.problem });
      this.#notBefore = now() + Math.max(RETRY_AFTER, error.retryAfter ?? 0);
      this.#timer = setTimeout(() => void this.#load(), this.#notBefore - now());
    }
    if (this.#loading === loading) this.#loading = null;
  }
}
