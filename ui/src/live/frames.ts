/** Four times a second is as often as one can read numbers. */
const SPACING = 250;

export type Schedule = (flush: () => void) => void;

/** Runs what is scheduled in an animation frame, not sooner than `SPACING` after the time before. */
export function createSchedule(now: () => number): Schedule {
  let last = -Infinity;
  return (flush) => {
    const wait = Math.max(0, last + SPACING - now());
    setTimeout(() => {
      requestAnimationFrame(() => {
        last = now();
        flush();
      });
    }, wait);
  };
}
