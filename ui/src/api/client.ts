import type { Problem } from "./types";

export type Query = Readonly<Record<string, string | number | null | undefined>>;

export interface Client {
  get: <T>(path: string, query?: Query, signal?: AbortSignal) => Promise<T>;
  /** A list and its further pages, until there are `atMost` items. */
  list: <T>(path: string, query: Query, atMost: number, signal?: AbortSignal) => Promise<T[]>;
}

/** What went wrong, as the API or else the network says. */
export class ApiError extends Error {
  readonly problem: Problem;
  /** Milliseconds to wait before asking again, if the API said so. */
  readonly retryAfter: number | null;

  constructor(problem: Problem, retryAfter: number | null = null) {
    super(problem.detail || problem.title);
    this.name = "ApiError";
    this.problem = problem;
    this.retryAfter = retryAfter;
  }

  get unauthorized(): boolean {
    return this.problem.status === 401;
  }
}

const TIMEOUT = 10_000;

export interface ClientOptions {
  base: string;
  token: () => string | null;
  fetch: typeof fetch;
}

export function createClient({ base, token, fetch }: ClientOptions): Client {
  async function request(url: URL, signal?: AbortSignal): Promise<Response> {
    const timeout = AbortSignal.timeout(TIMEOUT);
    let response: Response;
    try {
      response = await fetch(url, {
        headers: { Accept: "application/json", ...authorization(token()) },
        credentials: "same-origin",
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError({
        title: "No answer",
        status: 0,
        detail: timeout.aborted ? `No answer within ${TIMEOUT / 1000} s` : "The API can't be reached",
      });
    }
    if (!response.ok) throw await errorOf(response);
    return response;
  }

  return {
    async get<T>(path: string, query: Query = {}, signal?: AbortSignal) {
      const response = await request(urlOf(base, path, query), signal);
      return body<T>(response);
    },

    async list<T>(path: string, query: Query, atMost: number, signal?: AbortSignal) {
      const items: T[] = [];
      let url: URL | null = urlOf(base, path, query);
      while (url && items.length < atMost) {
        const response: Response = await request(url, signal);
        items.push(...(await body<T[]>(response)));
        url = nextPage(response.headers.get("Link"), url);
      }
      return items.slice(0, atMost);
    },
  };
}

export function urlOf(base: string, path: string, query: Query): URL {
  const url = new URL(path, base);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) url.searchParams.set(name, String(value));
  }
  return url;
}

export function authorization(token: string | null): Record<string, string> {
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

/** Retry-After in milliseconds: it is seconds, or a date. */
export function retryAfterOf(header: string | null, now: number): number | null {
  if (header === null) return null;
  const seconds = Number(header);
  const wait = Number.isNaN(seconds) ? Date.parse(header) - now : seconds * 1000;
  return Number.isNaN(wait) ? null : Math.max(0, wait);
}

function nextPage(link: string | null, base: URL): URL | null {
  const next = link?.match(/<([^>]*)>\s*;[^,]*\brel="?next"?/)?.[1];
  return next === undefined ? null : new URL(next, base);
}

async function body<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch {
    // A proxy's page, or an answer that broke off.
    throw new ApiError({ title: "Unexpected answer", status: 0, detail: "The answer is not JSON" });
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  const retryAfter = retryAfterOf(response.headers.get("Retry-After"), Date.now());
  let problem: Partial<Problem> = {};
  try {
    problem = (await response.json()) as Partial<Problem>;
  } catch {
    // Whatever stands between may answer with a page of its own.
  }
  const { title = response.statusText || "Error", detail = `The API answered ${response.status}` } = problem;
  return new ApiError({ title, detail, status: response.status }, retryAfter);
}
