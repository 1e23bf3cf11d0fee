import { useNow } from "../live/clock";
import { formatAge, isStale } from "../model/age";

interface AgeProps {
  time: number;
  /** The usual interval of what this is the age of; without, it never goes stale. */
  interval?: number | null;
}

/** How long ago; it ticks, and says so when it has become stale. */
export function Age({ time, interval }: AgeProps) {
  const age = useNow() - time;
  const stale = interval !== undefined && isStale(age, interval);
  if (Number.isNaN(time)) return <>–</>;
  return (
    <time dateTime={new Date(time).toISOString()} className={stale ? "age age-stale" : "age"}>
      {formatAge(age)}
      {stale && " · stale"}
    </time>
  );
}
