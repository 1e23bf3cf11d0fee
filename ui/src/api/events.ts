import { EventSource } from "eventsource";
import { authorization, retryAfterOf, urlOf } from "./client";
import type { Alert, DeadLetter, Health, Reading } from "./types";

export type GapOf = "readings" | "alerts" | "dead-letters";

interface EventData {
  health: Health;
  readings: { readings: Reading[]; skipped: boolean };
  alerts: Alert[];
  "dead-letters": DeadLetter[];
  gap: { of: GapOf };
}

export interface EventHandlers {
  health: (health: Health) => void;
  readings: (readings: Reading[]) => void;
  alerts: (alerts: Alert[]) => void;
  deadLetters: (letters: DeadLetter[]) => void;
  /** Resuming did not reach back to where this client was. */
  gap: (of: GapOf) => void;
  /** After any event: the id to resume from. */
  received: (id: string) => void;
  /** The stream is closed; nothing more comes of it. */
  broke: (failure: StreamFailure) => void;
}

export interface StreamFailure {
  /** 0 when there was no answer, or the stream ended. */
  status: number;
  retryAfter: number | null;
}

export interface EventStream {
  close: () => void;
}

export type OpenEvents = (
  key: string | null,
  lastEventId: string | null,
  handlers: EventHandlers,
) => EventStream;

/** Health comes every 2 s; a stream this silent is dead, whatever the connection says. */
export const SILENCE = 10_000;

export interface EventsOptions {
  base: string;
  token: () => string | null;
  fetch: typeof fetch;
}

/**
 * Opens one stream of events. It does not reconnect by itself: when to try again, and what to do meanwhile,
 * is for the caller to decide.
 */
export function createOpenEvents({ base, token, fetch }: EventsOptions): OpenEvents {
  return (key, lastEventId, handlers) => {
    let retryAfter: number | null = null;
    const source = new EventSource(urlOf(base, "events", { key }), {
      fetch: async (url, init) => {
        const headers = new Headers({ ...init.headers, ...authorization(token()) });
        if (lastEventId) headers.set("Last-Event-ID", lastEventId);
        const response = await fetch(url, { ...init, headers });
        retryAfter = retryAfterOf(response.headers.get("Retry-After"), Date.now());
        return response;
      },
    });

    let silence = setTimeout(fail, SILENCE);

    function close(): void {
      clearTimeout(silence);
      source.close();
    }

    function fail(status = 0): void {
      close();
      handlers.broke({ status, retryAfter });
    }

    function on<E extends keyof EventData>(event: E, handle: (data: EventData[E]) => void): void {
      source.addEventListener(event, (message: MessageEvent<string>) => {
        clearTimeout(silence);
        silence = setTimeout(fail, SILENCE);
        handle(JSON.parse(message.data) as EventData[E]);
        handlers.received(message.lastEventId);
      });
    }

    on("health", handlers.health);
    on("readings", ({ readings }) => handlers.readings(readings));
    on("alerts", handlers.alerts);
    on("dead-letters", handlers.deadLetters);
    on("gap", ({ of }) => handlers.gap(of));
    source.addEventListener("error", (error) => fail(error.code ?? 0));
    return { close };
  };
}
