/** Alerts and dead letters: things with an id and a time, kept newest first. */
export interface Entry {
  id: string;
  at: string;
}

/** As many as the API keeps. */
export const JOURNAL_LIMIT = 1000;

/** Both lists, newest first, each entry once. */
export function record<T extends Entry>(entries: readonly T[], arriving: readonly T[]): readonly T[] {
  const known = new Set(entries.map(({ id }) => id));
  const fresh = arriving.filter(({ id }) => !known.has(id) && known.add(id));
  if (fresh.length === 0) return entries;
  return [...fresh, ...entries].sort((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, JOURNAL_LIMIT);
}
