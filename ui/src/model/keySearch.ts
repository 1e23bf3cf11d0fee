/** Keys that contain what is typed, those that start with it first. */
export function searchKeys(keys: readonly string[], typed: string): string[] {
  const wanted = typed.trim().toLowerCase();
  if (wanted === "") return [...keys];
  const found = keys.filter((key) => key.toLowerCase().includes(wanted));
  const starts = (key: string): boolean => key.toLowerCase().startsWith(wanted);
  return [...found.filter(starts), ...found.filter((key) => !starts(key))];
}
