import { beforeEach, describe, expect, it, vi } from "vitest";
import { createOpenEvents, SILENCE, type EventHandlers } from "./events";

/** What the server sends, piece by piece. */
class Server {
  requests: { url: string; headers: Headers }[] = [];
  answer: () => Response = () => this.#stream();
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;

  readonly fetch: typeof fetch = (input, init = {}) => {
    this.requests.push({
      url: input instanceof Request ? input.url : input.toString(),
      headers: new Headers(init.headers),
    });
    return Promise.resolve(this.answer());
  };

  send(event: string, data: unknown, id: string): void {
    const text = `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    this.#controller?.enqueue(new TextEncoder().encode(text));
  }

  end(): void {
    this.#controller?.close();
  }

  #stream(): Response {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
    });
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  }
}

function handlers() {
  return {
    health: vi.fn<EventHandlers["health"]>(),
    readings: vi.fn<EventHandlers["readings"]>(),
    alerts: vi.fn<EventHandlers["alerts"]>(),
    deadLetters: vi.fn<EventHandlers["deadLetters"]>(),
    gap: vi.fn<EventHandlers["gap"]>(),
    received: vi.fn<EventHandlers["received"]>(),
    broke: vi.fn<EventHandlers["broke"]>(),
  };
}

describe("events", () => {
  let server: Server;

  function open(key: string | null = null, lastEventId: string | null = null, token: string | null = null) {
    const heard = handlers();
    const openEvents = createOpenEvents({
      base: "http://host/prefix/",
      token: () => token,
      fetch: server.fetch,
    });
    return { heard, stream: openEvents(key, lastEventId, heard) };
  }

  beforeEach(() => {
    vi.useFakeTimers();
    server = new Server();
  });

  const settle = () => vi.advanceTimersByTimeAsync(0);

  it("hands on each kind of event, and its id", async () => {
    const { heard, stream } = open();
    await settle();
    server.send("health", { rate: 1 }, "1");
    server.send("readings", { readings: [{ a: 1 }], skipped: false }, "2");
    server.send("alerts", [{ id: "x" }], "3");
    server.send("dead-letters", [{ id: "y" }], "4");
    server.send("gap", { of: "readings" }, "5");
    await settle();
    expect(heard.health).toHaveBeenCalledWith({ rate: 1 });
    expect(heard.readings).toHaveBeenCalledWith([{ a: 1 }]);
    expect(heard.alerts).toHaveBeenCalledWith([{ id: "x" }]);
    expect(heard.deadLetters).toHaveBeenCalledWith([{ id: "y" }]);
    expect(heard.gap).toHaveBeenCalledWith("readings");
    expect(heard.received.mock.calls).toEqual([["1"], ["2"], ["3"], ["4"], ["5"]]);
    stream.close();
  });

  it("asks for one key, resumes, and bears the token", async () => {
    const { stream } = open("m 1", "17-4", "s3cret");
    await settle();
    expect(server.requests[0]?.url).toBe("http://host/prefix/events?key=m+1");
    expect(server.requests[0]?.headers.get("Last-Event-ID")).toBe("17-4");
    expect(server.requests[0]?.headers.get("Authorization")).toBe("Bearer s3cret");
    stream.close();
  });

  it("tells when the stream ends, once, and does not reconnect by itself", async () => {
    const { heard } = open();
    await settle();
    server.end();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(heard.broke.mock.calls).toEqual([[{ status: 0, retryAfter: null }]]);
    expect(server.requests).toHaveLength(1);
  });

  it("tells the status of a refusal, and when to come back", async () => {
    server.answer = () => new Response("", { status: 503, headers: { "Retry-After": "9" } });
    const { heard } = open();
    await settle();
    expect(heard.broke).toHaveBeenCalledWith({ status: 503, retryAfter: 9000 });
  });

  it("gives up a stream that has gone silent", async () => {
    const { heard } = open();
    await settle();
    await vi.advanceTimersByTimeAsync(SILENCE - 1);
    server.send("health", {}, "1");
    await settle();
    await vi.advanceTimersByTimeAsync(SILENCE - 1);
    expect(heard.broke).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(heard.broke).toHaveBeenCalledOnce();
  });

  it("says nothing more once closed", async () => {
    const { heard, stream } = open();
    await settle();
    stream.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(heard.broke).not.toHaveBeenCalled();
  });
});
