// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/client";
import { problem, UNREACHABLE } from "../testing/api";
import { fakeDashboard } from "../testing/dashboard";
import { pipeline } from "../testing/fixtures";
import { POLL_EVERY, RECONNECT_AFTER } from "./feed";
import { createPreferences } from "./preferences";

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe("Dashboard", () => {
  beforeEach(() => vi.useFakeTimers());

  it("tries again by itself until the pipeline is there", async () => {
    const { api, dashboard } = fakeDashboard();
    api.down = UNREACHABLE;
    dashboard.start();
    await pass(0);
    expect(dashboard.phase.get().kind).toBe("failed");
    api.down = null;
    await pass(1000);
    expect(dashboard.phase.get().kind).toBe("ready");
  });

  it("obeys Retry-After", async () => {
    const { api, dashboard } = fakeDashboard();
    api.down = new ApiError(problem(503), 30_000);
    dashboard.start();
    await pass(29_999);
    expect(api.requests).toHaveLength(1);
    await pass(1);
    expect(api.requests).toHaveLength(2);
  });

  it("asks for a token, and says when it is refused", async () => {
    const { api, dashboard } = fakeDashboard();
    api.down = new ApiError(problem(401));
    dashboard.start();
    await pass(0);
    expect(dashboard.phase.get()).toEqual({ kind: "unauthorized", refused: false });
    dashboard.submitToken("wrong");
    await pass(0);
    expect(dashboard.phase.get()).toEqual({ kind: "unauthorized", refused: true });
    expect(dashboard.preferences.token.get()).toBeNull();
    api.down = null;
    dashboard.submitToken("right");
    await pass(0);
    expect(dashboard.phase.get().kind).toBe("ready");
    expect(dashboard.preferences.token.get()).toBe("right");
  });

  it("asks again when a token is no longer valid, and then goes on with what it had", async () => {
    const { streams, dashboard } = fakeDashboard();
    dashboard.start();
    await pass(0);
    const before = dashboard.phase.get();
    streams.breaks(401);
    expect(dashboard.phase.get().kind).toBe("unauthorized");
    dashboard.submitToken("new");
    await pass(0);
    expect(dashboard.phase.get()).toEqual(before);
    expect(streams.opened).toHaveLength(2);
  });

  it("shows the pipeline anew when it comes back as another version", async () => {
    const { api, streams, dashboard } = fakeDashboard();
    dashboard.start();
    await pass(0);
    api.down = UNREACHABLE;
    streams.breaks();
    await pass(RECONNECT_AFTER);
    streams.breaks();
    await pass(RECONNECT_AFTER);
    streams.breaks();
    await pass(0);
    api.down = null;
    api.answers.set("pipeline", pipeline({ version: "2.0.0" }));
    await pass(POLL_EVERY);
    const phase = dashboard.phase.get();
    expect(phase.kind === "ready" && phase.feed.pipeline.version).toBe("2.0.0");
  });

  it("does nothing on the network while hidden", async () => {
    const { api, streams, dashboard } = fakeDashboard();
    dashboard.start();
    await pass(0);
    dashboard.setVisible(false);
    api.requests.length = 0;
    await pass(60_000);
    expect(api.requests).toEqual([]);
    dashboard.setVisible(true);
    expect(streams.opened).toHaveLength(2);
  });
});

describe("preferences", () => {
  beforeEach(() => {
    localStorage.clear();
    sessionStorage.clear();
  });

  it("remembers theme and points, and the token for the tab only", () => {
    const first = createPreferences(localStorage, sessionStorage);
    first.theme.set("dark");
    first.points.set(50);
    first.token.set("s3cret");
    expect(JSON.stringify(Object.entries(localStorage))).not.toContain("s3cret");
    const second = createPreferences(localStorage, sessionStorage);
    expect([second.theme.get(), second.points.get(), second.token.get()]).toEqual(["dark", 50, "s3cret"]);
    second.token.set(null);
    expect(createPreferences(localStorage, sessionStorage).token.get()).toBeNull();
  });

  it("starts with 10 points, whatever nonsense is stored", () => {
    localStorage.setItem("sensorstream.points", "7");
    localStorage.setItem("sensorstream.theme", "pink");
    const { points, theme } = createPreferences(localStorage, null);
    expect([points.get(), theme.get()]).toEqual([10, "system"]);
  });
});
