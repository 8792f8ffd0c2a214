import { useSyncExternalStore } from "react";

/** One clock for all relative times of a page, so that they tick together and one timer is enough. */
const TICK_MS = 1_000;

let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const notify of listeners) {
      notify();
    }
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

function current(): number {
  // Without a running timer the stored value may be old.
  if (timer === undefined) {
    now = Math.floor(Date.now() / TICK_MS) * TICK_MS;
  }
  return now;
}

export function useNow(): number {
  return useSyncExternalStore(subscribe, current, current);
}
