import { Dashboard } from "../live/dashboard";
import { createPreferences } from "../live/preferences";
import { signal } from "../live/signal";
import { keyInHash } from "../model/hash";
import { FakeApi, FakeStreams } from "./api";
import { pipeline } from "./fixtures";

/** A dashboard on a fake API. Its clock is the fake timers'. */
export function fakeDashboard() {
  const api = new FakeApi();
  const streams = new FakeStreams();
  api.answers.set("pipeline", pipeline());
  const dashboard = new Dashboard({
    client: api.client,
    openEvents: streams.open,
    schedule: (flush) => flush(),
    now: () => Date.now(),
    preferences: createPreferences(null, null),
    appearance: signal("light" as const),
    selected: () => keyInHash(location.hash),
  });
  return { api, streams, dashboard };
}
