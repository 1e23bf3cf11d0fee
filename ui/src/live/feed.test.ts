import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, type Query } from "../api/client";
import type { Pipeline } from "../api/types";
import { FakeApi, FakeStreams, problem, UNREACHABLE } from "../testing/api";
import { alert, deadLetter, pipeline, reading } from "../testing/fixtures";
import {
  Feed,
  POLL_EVERY,
  RECONNECT_AFTER,
  RETRY_LOAD_AFTER,
  RETRY_STREAM_EVERY,
  WAIT_FOR_STREAM,
} from "./feed";

describe("Feed", () => {
  let api: FakeApi;
  let streams: FakeStreams;

  function feedOf(change: Partial<Pipeline> = {}, selected: string | null = null): Feed {
    return new Feed({
      pipeline: pipeline(change),
      client: api.client,
      openEvents: streams.open,
      schedule: (flush) => flush(),
      now: () => Date.now(),
      selected,
      limit: 10,
    });
  }

  async function started(change: Partial<Pipeline> = {}, selected: string | null = null): Promise<Feed> {
    const feed = feedOf(change, selected);
    feed.start();
    streams.works();
    await pass(0);
    return feed;
  }

  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
  const mode = (feed: Feed) => feed.connection.get().mode;

  /** Breaks the stream and each that follows it, until the page polls. */
  async function breakThrice(): Promise<void> {
    streams.breaks();
    await pass(RECONNECT_AFTER);
    streams.breaks();
    await pass(RECONNECT_AFTER);
    streams.breaks();
    await pass(0);
  }

  beforeEach(() => {
    vi.useFakeTimers();
    api = new FakeApi();
    streams = new FakeStreams();
    api.answers.set("keys", [reading("a", 5, 25)]);
    api.answers.set("history", [reading("a", 4, 24), reading("a", 5, 25)]);
  });

  it("loads what is, and adds what comes", async () => {
    const feed = await started();
    expect(mode(feed)).toBe("live");
    streams.current.handlers.readings([reading("a", 6, 26), reading("a", 5, 25)]);
    const { scope, latest, points } = feed.readings.get();
    expect(scope).toEqual({ kind: "one", key: "a" });
    expect(latest[0]?.reading.temperature).toBe(26);
    expect(points.get("a")?.map(({ reading: { temperature } }) => temperature)).toEqual([24, 25, 26]);
  });

  it("loads what was before the stream only when that is there, so that nothing is missed between", async () => {
    const feed = feedOf();
    feed.start();
    await pass(WAIT_FOR_STREAM - 1);
    expect(api.requests).toEqual([]);
    streams.works();
    await pass(0);
    expect(api.paths()).toContain("history");
    expect(feed.sections.get().readings).toBe("loaded");
  });

  it("does not wait for a stream that breaks at once, or is slow", async () => {
    feedOf().start();
    streams.breaks();
    await pass(0);
    expect(api.paths()).toContain("history");
    api.requests.length = 0;
    feedOf().start();
    await pass(WAIT_FOR_STREAM);
    expect(api.paths()).toContain("history");
  });

  it("asks for nothing more while it is live", async () => {
    await started();
    api.requests.length = 0;
    await pass(60_000);
    expect(api.requests).toEqual([]);
  });

  it("asks only for what the pipeline has", async () => {
    await started({ table: null });
    expect(api.paths().toSorted()).toEqual(["dead-letters", "health"]);
  });

  it("resumes where it was when the stream breaks, and fills the gap from history", async () => {
    const feed = await started();
    streams.works("77");
    streams.breaks();
    expect(mode(feed)).toBe("reconnecting");
    await pass(RECONNECT_AFTER - 1);
    expect(streams.opened).toHaveLength(1);
    await pass(1);
    expect(streams.current.lastEventId).toBe("77");
    api.requests.length = 0;
    streams.works("78");
    await pass(0);
    expect(mode(feed)).toBe("live");
    expect(api.paths()).toContain("history");
  });

  it("polls after three breaks, and tries the stream again now and then", async () => {
    const feed = await started();
    await breakThrice();
    expect(mode(feed)).toBe("polling");
    api.requests.length = 0;
    api.answers.set("history", [reading("a", 9, 29)]);
    await pass(POLL_EVERY);
    expect(api.paths().toSorted()).toEqual(["dead-letters", "health", "history", "keys"]);
    expect(feed.readings.get().latest[0]?.reading.temperature).toBe(29);
    await pass(POLL_EVERY);
    expect(api.requests).toHaveLength(8);

    const before = streams.opened.length;
    await pass(RETRY_STREAM_EVERY - 2 * POLL_EVERY);
    expect(streams.opened).toHaveLength(before + 1);
    streams.works();
    await pass(0);
    api.requests.length = 0;
    await pass(60_000);
    expect(mode(feed)).toBe("live");
    expect(api.requests).toEqual([]);
  });

  it("keeps what it shows while the API is away, and recovers by itself", async () => {
    const feed = await started();
    api.down = UNREACHABLE;
    await breakThrice();
    expect(mode(feed)).toBe("offline");
    expect(feed.readings.get().latest).toHaveLength(1);
    await pass(60_000);
    expect(mode(feed)).toBe("offline");

    api.down = null;
    const before = streams.opened.length;
    await pass(POLL_EVERY);
    expect(mode(feed)).toBe("polling");
    expect(streams.opened.length).toBeGreaterThan(before);
    streams.works();
    expect(mode(feed)).toBe("live");
  });

  it("tells which section failed, keeps the others, and tries again", async () => {
    api.answers.set("history", new ApiError(problem(503, "the database is away")));
    const feed = await started();
    expect(feed.sections.get().readings).toEqual(problem(503, "the database is away"));
    expect(feed.sections.get().health).toBe("loaded");
    expect(mode(feed)).toBe("live");
    api.answers.set("history", []);
    await pass(RETRY_LOAD_AFTER);
    expect(feed.sections.get().readings).toBe("loaded");
  });

  it("waits as long as it is told to", async () => {
    const feed = await started();
    await breakThrice();
    api.down = new ApiError(problem(429), 20_000);
    await pass(POLL_EVERY);
    api.down = null;
    api.requests.length = 0;
    await pass(19_999);
    expect(api.requests).toEqual([]);
    await pass(1);
    expect(api.requests).not.toEqual([]);
    expect(mode(feed)).not.toBe("offline");
  });

  it("stops altogether when a token is wanted", async () => {
    const feed = await started();
    streams.breaks(401);
    expect(mode(feed)).toBe("unauthorized");
    api.requests.length = 0;
    await pass(60_000);
    expect(api.requests).toEqual([]);
    expect(streams.opened).toHaveLength(1);
  });

  it("closes the stream when the page is hidden, and goes on where it was", async () => {
    const feed = await started();
    streams.works("5");
    feed.pause();
    expect(streams.current.closed).toBe(true);
    api.requests.length = 0;
    await pass(60_000);
    expect(api.requests).toEqual([]);
    feed.start();
    await pass(0);
    expect(streams.current.lastEventId).toBe("5");
    streams.works();
    await pass(0);
    expect(api.paths()).toContain("history");
  });

  it("follows one key when it is selected", async () => {
    const feed = await started();
    api.requests.length = 0;
    feed.show("b", 25);
    await pass(0);
    expect(streams.opened).toHaveLength(2);
    expect(streams.opened[0]?.closed).toBe(true);
    expect(streams.current).toMatchObject({ key: "b", lastEventId: null });
    streams.works();
    await pass(0);
    expect(api.requests).toContainEqual({ path: "history", query: { limit: 25, key: "b" } });
  });

  it("asks for each of few keys", async () => {
    api.answers.set("keys", [reading("a", 1), reading("b", 1)]);
    api.answers.set("history", ({ key }: Query) => [reading(String(key), 0), reading(String(key), 1)]);
    const feed = await started();
    expect([...feed.readings.get().points].map(([key, points]) => [key, points.length])).toEqual([
      ["a", 2],
      ["b", 2],
    ]);
  });

  it("asks for enough history of many keys", async () => {
    api.answers.set(
      "keys",
      Array.from({ length: 20 }, (_, at) => reading(`k${at}`, -at / 8)),
    );
    const feed = await started();
    // A round of all takes two and a half seconds; ten steps of five have twenty rounds.
    expect(api.requests).toContainEqual({ path: "history", query: { limit: 400, key: null } });
    expect(feed.readings.get().bucketStep).toBe(5000);
  });

  it("asks for history when a second key turns up", async () => {
    await started();
    api.requests.length = 0;
    api.answers.set("keys", [reading("a", 5), reading("b", 6)]);
    streams.current.handlers.readings([reading("b", 6)]);
    await pass(0);
    expect(api.paths().filter((path) => path === "history")).toHaveLength(2);
  });

  it("loads again after a gap", async () => {
    await started();
    api.requests.length = 0;
    streams.current.handlers.gap("readings");
    await pass(0);
    expect(api.paths()).toContain("history");
  });

  it("takes alerts and dead letters from both ways once", async () => {
    api.answers.set("alerts", [alert("1", 1)]);
    api.answers.set("dead-letters", [deadLetter("1")]);
    const feed = await started({ rules: [{ name: "overheating", when: "true", severity: "warning" }] });
    streams.current.handlers.alerts([alert("1", 1), alert("2", 2)]);
    streams.current.handlers.deadLetters([deadLetter("1"), deadLetter("2")]);
    expect(feed.alerts.get().map(({ id }) => id)).toEqual(["2", "1"]);
    expect(feed.deadLetters.get()).toHaveLength(2);
  });
});
