/** The texts that somebody went through, to go back and forth in. Bounded in number and in size. */

export interface History {
  past: string[];
  text: string;
  future: string[];
  /** What the last change was part of, and when: typing on in one field is one change. */
  tag: string | undefined;
  at: number;
}

const MOST = 200;
const MOST_CHARACTERS = 8_000_000;
/** So long a pause within one change may be. */
const PAUSE_MS = 1_500;

export const begun = (text: string): History => ({ past: [], text, future: [], tag: undefined, at: 0 });

/** Changes with the same tag that follow each other at once are taken back together. */
export function changed(history: History, text: string, now: number, tag?: string): History {
  if (text === history.text) {
    return history;
  }
  const goesOn = tag !== undefined && tag === history.tag && now - history.at < PAUSE_MS;
  return {
    past: goesOn ? history.past : bounded([...history.past, history.text]),
    text,
    future: [],
    tag,
    at: now,
  };
}

export function undone({ past, text, future }: History): History {
  const before = past.at(-1);
  return before === undefined
    ? { past, text, future, tag: undefined, at: 0 }
    : { past: past.slice(0, -1), text: before, future: [...future, text], tag: undefined, at: 0 };
}

export function redone({ past, text, future }: History): History {
  const next = future.at(-1);
  return next === undefined
    ? { past, text, future, tag: undefined, at: 0 }
    : { past: [...past, text], text: next, future: future.slice(0, -1), tag: undefined, at: 0 };
}

function bounded(past: string[]): string[] {
  let from = Math.max(0, past.length - MOST);
  let size = 0;
  for (let index = past.length - 1; index >= from; index -= 1) {
    size += past[index]?.length ?? 0;
    if (size > MOST_CHARACTERS) {
      from = index + 1;
    }
  }
  return past.slice(from);
}
