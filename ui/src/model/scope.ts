/** Whose readings are on the page, which decides how they are shown. */
export type Scope =
  | { kind: "one"; key: string }
  /** Few enough for a line each. */
  | { kind: "few" }
  | { kind: "many" };

export const MOST_LINES = 8;

export function scopeOf(selected: string | null, keys: readonly string[]): Scope {
  if (selected !== null) return { kind: "one", key: selected };
  const [only] = keys;
  if (only !== undefined && keys.length === 1) return { kind: "one", key: only };
  return { kind: keys.length <= MOST_LINES ? "few" : "many" };
}

export function sameScope(a: Scope, b: Scope): boolean {
  return a.kind === b.kind && (a.kind !== "one" || b.kind !== "one" || a.key === b.key);
}
