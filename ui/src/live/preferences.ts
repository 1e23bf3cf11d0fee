import { signal, type Source } from "./signal";

export type Theme = "system" | "light" | "dark";

export const THEMES: readonly Theme[] = ["system", "light", "dark"];
export const POINTS: readonly number[] = [10, 25, 50, 100, 500];

/** What the reader has chosen. The token is forgotten with the tab, the rest is remembered. */
export interface Preferences {
  theme: Source<Theme>;
  /** Points of the rolling window. */
  points: Source<number>;
  token: Source<string | null>;
}

export function createPreferences(lasting: Storage | null, session: Storage | null): Preferences {
  return {
    theme: stored(lasting, "sensorstream.theme", "system", (text) => THEMES.find((theme) => theme === text)),
    points: stored(lasting, "sensorstream.points", 10, (text) =>
      POINTS.find((points) => String(points) === text),
    ),
    token: stored<string | null>(session, "sensorstream.token", null, (text) => text),
  };
}

function stored<T>(
  storage: Storage | null,
  name: string,
  initial: T,
  parse: (text: string) => T | undefined,
): Source<T> {
  const text = storage?.getItem(name) ?? null;
  const source = signal<T>((text === null ? undefined : parse(text)) ?? initial);
  return {
    ...source,
    set(value) {
      source.set(value);
      if (value === null) storage?.removeItem(name);
      else storage?.setItem(name, String(value));
    },
  };
}

/** A browser may forbid storage; the page works without. */
export function storageOrNone(storage: () => Storage): Storage | null {
  try {
    return storage();
  } catch {
    return null;
  }
}
