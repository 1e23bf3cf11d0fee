import type { Problem } from "../api/types";

/** How the page gets its data. */
export interface Connection {
  mode: "connecting" | "live" | "reconnecting" | "polling" | "offline" | "paused" | "unauthorized";
  /** Since when it is so. */
  since: number;
  /** Breaks of the stream since it last worked. */
  breaks: number;
  /** When the stream broke, unless the API has answered since. */
  brokeAt: number | null;
  problem: Problem | null;
}

export type ConnectionEvent =
  | { type: "start" }
  | { type: "stream-works" }
  | { type: "stream-broke" }
  | { type: "answered" }
  | { type: "unanswered"; problem: Problem }
  | { type: "unauthorized" }
  | { type: "hidden" };

/** After this many breaks in a row the page polls. */
export const BREAKS_UNTIL_POLLING = 3;

export function initialConnection(now: number): Connection {
  return { mode: "connecting", since: now, breaks: 0, brokeAt: null, problem: null };
}

export function nextConnection(connection: Connection, event: ConnectionEvent, now: number): Connection {
  const to = (mode: Connection["mode"], change: Partial<Connection> = {}): Connection => ({
    ...connection,
    ...change,
    mode,
    since: mode === connection.mode ? connection.since : now,
  });
  switch (event.type) {
    case "start":
      return to("connecting", { breaks: 0, problem: null });
    case "stream-works":
      return to("live", { breaks: 0, brokeAt: null, problem: null });
    case "stream-broke": {
      const breaks = connection.breaks + 1;
      if (polls(connection)) return { ...connection, breaks };
      const brokeAt = connection.brokeAt ?? now;
      return to(breaks < BREAKS_UNTIL_POLLING ? "reconnecting" : "polling", { breaks, brokeAt });
    }
    case "answered":
      return to(connection.mode === "offline" ? "polling" : connection.mode, {
        brokeAt: null,
        problem: null,
      });
    case "unanswered":
      // While the stream works the API is there, whatever became of one request.
      if (connection.mode === "live") return connection;
      if (connection.mode === "offline") return { ...connection, problem: event.problem };
      // It has been away since the stream broke, not since that was noticed.
      return { ...to("offline", { problem: event.problem }), since: connection.brokeAt ?? now };
    case "unauthorized":
      return to("unauthorized");
    case "hidden":
      return to("paused");
  }
}

/** Whether requests on a timer take the place of the stream. */
export function polls({ mode }: Connection): boolean {
  return mode === "polling" || mode === "offline";
}
