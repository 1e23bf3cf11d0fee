import { useFeed } from "./context";
import { signal, useSignal, type Signal } from "./signal";

const TICK = 1000;

/** The time, to the second; it ticks while someone looks at it. */
export function createClock(now: () => number): Signal<number> {
  const time = signal(now());
  let watchers = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  return {
    get: time.get,
    subscribe(listener) {
      if (watchers++ === 0) {
        time.set(now());
        timer = setInterval(() => time.set(now()), TICK);
      }
      const unsubscribe = time.subscribe(listener);
      return () => {
        unsubscribe();
        if (--watchers === 0) clearInterval(timer);
      };
    },
  };
}

const clock = createClock(() => Date.now());

/** Now, by the server's clock, so that ages are right where this computer's clock is not. */
export function useNow(): number {
  const offset = useSignal(useFeed().clockOffset);
  return useSignal(clock) + offset;
}
