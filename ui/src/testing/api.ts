import { ApiError, type Client, type Query } from "../api/client";
import type { EventHandlers, OpenEvents } from "../api/events";
import type { Problem } from "../api/types";
import { health } from "./fixtures";

type Answer = unknown;

/** An API whose answers a test sets, by path; and whose requests it sees. */
export class FakeApi {
  readonly answers = new Map<string, Answer>([
    ["health", health()],
    ["keys", []],
    ["history", []],
    ["alerts", []],
    ["dead-letters", []],
  ]);
  readonly requests: { path: string; query: Query }[] = [];
  /** When set, no request is answered otherwise. */
  down: ApiError | null = null;

  get client(): Client {
    const answer = <T>(path: string, query: Query = {}): Promise<T> => {
      this.requests.push({ path, query });
      const found = this.down ?? this.answers.get(path);
      if (found instanceof ApiError) return Promise.reject(found);
      if (found === undefined) return Promise.reject(new ApiError(problem(404)));
      return Promise.resolve(
        typeof found === "function" ? (found as (query: Query) => T)(query) : (found as T),
      );
    };
    return { get: answer, list: answer };
  }

  paths(): string[] {
    return this.requests.map(({ path }) => path);
  }
}

/** Streams that a test lets speak or break. */
export class FakeStreams {
  readonly opened: {
    key: string | null;
    lastEventId: string | null;
    handlers: EventHandlers;
    closed: boolean;
  }[] = [];

  readonly open: OpenEvents = (key, lastEventId, handlers) => {
    const stream = { key, lastEventId, handlers, closed: false };
    this.opened.push(stream);
    return {
      close: () => {
        stream.closed = true;
      },
    };
  };

  get current() {
    const stream = this.opened.at(-1);
    if (!stream) throw new Error("no stream was opened");
    return stream;
  }

  /** As any event does. */
  works(id = "1"): void {
    this.current.handlers.received(id);
  }

  breaks(status = 0, retryAfter: number | null = null): void {
    this.current.handlers.broke({ status, retryAfter });
  }
}

export function problem(status: number, detail = "something is wrong"): Problem {
  return { title: status === 401 ? "Unauthorized" : "Trouble", status, detail };
}

export const UNREACHABLE = new ApiError({
  title: "No answer",
  status: 0,
  detail: "The API can't be reached",
});
