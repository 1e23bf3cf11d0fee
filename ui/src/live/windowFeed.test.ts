import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/client";
import type { Health, Row, WindowSpec } from "../api/types";
import { FakeApi, problem } from "../testing/api";
import { at, health, minutes } from "../testing/fixtures";
import { signal, type Source } from "./signal";
import { REFRESH_AFTER, WindowFeed } from "./windowFeed";

const row = (minute: number, temperature: number): Row => ({
  window_start: at(minute * 60),
  window_end: at((minute + 1) * 60),
  device: "a",
  readings: 1,
  avg_temperature: temperature,
});

describe("WindowFeed", () => {
  let api: FakeApi;
  let state: Source<Health | null>;

  function feedOf(window: WindowSpec = minutes) {
    return new WindowFeed({
      client: api.client,
      window,
      key: "a",
      pageSize: 10_000,
      health: state,
      now: () => Date.now(),
    });
  }

  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
  const read = (count: number) => state.set(health({ records: { ...health().records, read: count } }));

  beforeEach(() => {
    vi.useFakeTimers();
    api = new FakeApi();
    state = signal<Health | null>(health());
    api.answers.set("windows/device_minutes", [row(1, 21), row(0, 20)]);
  });

  it("asks again when records have been read, every 2 s at most", async () => {
    feedOf().start();
    await pass(0);
    read(101);
    read(102);
    await pass(REFRESH_AFTER - 1);
    expect(api.requests).toHaveLength(1);
    await pass(1);
    expect(api.requests).toHaveLength(2);
    await pass(60_000);
    expect(api.requests).toHaveLength(2);
  });

  it("asks only for what may have changed, and keeps the rest", async () => {
    const feed = feedOf();
    feed.start();
    await pass(0);
    api.answers.set("windows/device_minutes", [row(2, 22), row(1, 21.5)]);
    await pass(REFRESH_AFTER);
    read(101);
    await pass(0);
    expect(api.requests[1]?.query).toMatchObject({ key: "a", from: health().watermark });
    expect(feed.state.get().rows.map(({ avg_temperature }) => avg_temperature)).toEqual([22, 21.5, 20]);
  });

  it("reads sessions anew, for they can become one", async () => {
    const feed = feedOf({ ...minutes, kind: "session" });
    feed.start();
    await pass(REFRESH_AFTER);
    api.answers.set("windows/device_minutes", [row(0, 20)]);
    read(101);
    await pass(0);
    expect(api.requests[1]?.query).toMatchObject({ from: null });
    expect(feed.state.get().rows).toHaveLength(1);
  });

  it("tells problems, keeps its rows, and tries again by itself", async () => {
    const feed = feedOf();
    feed.start();
    await pass(REFRESH_AFTER);
    api.answers.set("windows/device_minutes", new ApiError(problem(503)));
    read(101);
    await pass(0);
    expect(feed.state.get().problem).toEqual(problem(503));
    expect(feed.state.get().rows).toHaveLength(2);
    api.answers.set("windows/device_minutes", []);
    await pass(5000);
    expect(feed.state.get().problem).toBeNull();
  });

  it("asks no more once stopped", async () => {
    const stop = feedOf().start();
    await pass(0);
    stop();
    read(101);
    await pass(60_000);
    expect(api.requests).toHaveLength(1);
  });
});
