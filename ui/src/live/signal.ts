import { useSyncExternalStore } from "react";

/** A value that changes, outside React: whoever subscribes hears of each change. */
export interface Signal<T> {
  get: () => T;
  subscribe: (listener: () => void) => () => void;
}

export interface Source<T> extends Signal<T> {
  set: (value: T) => void;
}

export function signal<T>(initial: T): Source<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set: (next) => {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}

export function useSignal<T>({ get, subscribe }: Signal<T>): T {
  return useSyncExternalStore(subscribe, get);
}
