import { describe, expect, it } from "vitest";
import { ApiError, createClient, retryAfterOf } from "./client";

type Handler = (url: URL, init: RequestInit) => Response;

function clientOf(handler: Handler, token: string | null = null) {
  const seen: { url: string; headers: Headers }[] = [];
  const client = createClient({
    base: "https://host/prefix/",
    token: () => token,
    fetch: (input, init = {}) => {
      const url = input as URL;
      seen.push({ url: url.href, headers: new Headers(init.headers) });
      return new Promise((resolve) => resolve(handler(url, init)));
    },
  });
  return { client, seen };
}

const json = (data: unknown, init?: ResponseInit): Response => new Response(JSON.stringify(data), init);

async function failureOf(promise: Promise<unknown>): Promise<ApiError> {
  const error = await promise.catch((caught: unknown) => caught);
  if (!(error instanceof ApiError)) throw new Error("no ApiError was thrown");
  return error;
}

describe("client", () => {
  it("asks relative to where the page is, and leaves out what is null", async () => {
    const { client, seen } = clientOf(() => json({ ok: true }));
    expect(await client.get("history", { limit: 10, key: "a b", from: null })).toEqual({ ok: true });
    expect(seen[0]?.url).toBe("https://host/prefix/history?limit=10&key=a+b");
    expect(seen[0]?.headers.has("Authorization")).toBe(false);
  });

  it("bears the token in a header, never in the address", async () => {
    const { client, seen } = clientOf(() => json([]), "s3cret");
    await client.get("keys");
    expect(seen[0]?.headers.get("Authorization")).toBe("Bearer s3cret");
    expect(seen[0]?.url).not.toContain("s3cret");
  });

  it("follows pages until there is enough", async () => {
    const { client, seen } = clientOf((url) => {
      const page = Number(url.searchParams.get("cursor") ?? 0);
      return json([page * 2, page * 2 + 1], {
        headers: { Link: `<keys?limit=2&cursor=${page + 1}>; rel="next"` },
      });
    });
    expect(await client.list("keys", { limit: 2 }, 5)).toEqual([0, 1, 2, 3, 4]);
    expect(seen.at(-1)?.url).toBe("https://host/prefix/keys?limit=2&cursor=2");
  });

  it("stops at the last page", async () => {
    const { client, seen } = clientOf(() => json([1]));
    expect(await client.list("keys", {}, 100)).toEqual([1]);
    expect(seen).toHaveLength(1);
  });

  it("tells problems, and how long to wait", async () => {
    const { client } = clientOf(() =>
      json(
        { title: "Busy", status: 429, detail: "too many" },
        { status: 429, headers: { "Retry-After": "7" } },
      ),
    );
    const error = await failureOf(client.get("health"));
    expect(error.problem).toEqual({ title: "Busy", status: 429, detail: "too many" });
    expect(error.retryAfter).toBe(7000);
  });

  it("makes a problem of a proxy's page", async () => {
    const { client } = clientOf(() => new Response("<html>", { status: 502, statusText: "Bad Gateway" }));
    expect((await failureOf(client.get("health"))).problem).toMatchObject({
      title: "Bad Gateway",
      status: 502,
    });
    const { client: odd } = clientOf(() => new Response("<html>"));
    expect((await failureOf(odd.get("health"))).problem.detail).toBe("The answer is not JSON");
  });

  it("tells that there was no answer", async () => {
    const { client } = clientOf(() => {
      throw new TypeError("network");
    });
    expect((await failureOf(client.get("health"))).problem).toMatchObject({ status: 0 });
  });

  it("knows when it may not", async () => {
    const { client } = clientOf(() => json({}, { status: 401 }));
    expect((await failureOf(client.get("health"))).unauthorized).toBe(true);
  });
});

describe("retryAfterOf", () => {
  it("reads seconds and dates", () => {
    const now = Date.parse("2026-03-01T12:00:00Z");
    expect(retryAfterOf("3", now)).toBe(3000);
    expect(retryAfterOf("Sun, 01 Mar 2026 12:00:05 GMT", now)).toBe(5000);
    expect(retryAfterOf("soon", now)).toBeNull();
    expect(retryAfterOf(null, now)).toBeNull();
  });
});
