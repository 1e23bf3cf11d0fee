const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Readings are never called stale sooner than this. */
const PATIENCE = 30 * SECOND;
const MISSED_INTERVALS = 5;

/** A length of time in the two largest units that matter: "3 s", "2 min 5 s", "4 h 10 min". */
export function formatDuration(ms: number): string {
  const time = Math.max(0, Math.round(ms / SECOND)) * SECOND;
  if (time < MINUTE) return `${time / SECOND} s`;
  if (time < HOUR) return two(time, MINUTE, "min", SECOND, "s");
  if (time < DAY) return two(time, HOUR, "h", MINUTE, "min");
  return two(time, DAY, "d", HOUR, "h");
}

/** How long ago; one unit, and a clock that is a little behind counts as now. */
export function formatAge(ms: number): string {
  if (ms < -2 * SECOND) return `in ${formatDuration(-ms)}`;
  if (ms < SECOND) return "now";
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s ago`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ago`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ago`;
  return `${Math.floor(ms / DAY)} d ago`;
}

/** Whether a reading is older than its sensor's usual interval (null: not known yet) explains. */
export function isStale(age: number, interval: number | null): boolean {
  return age > Math.max(PATIENCE, MISSED_INTERVALS * (interval ?? 0));
}

function two(time: number, big: number, bigName: string, little: number, littleName: string): string {
  const rest = Math.floor((time % big) / little);
  return `${Math.floor(time / big)} ${bigName}${rest > 0 ? ` ${rest} ${littleName}` : ""}`;
}
