/** Rows of fixed height from lines of any length: long lines are broken at the width of the window. */
import type { Lines } from "./lines";

/** Browsers cannot lay out elements much higher than 30 million pixels; what is above this is left to the download. */
export const MAX_ROWS = 1_000_000;

export interface Row {
  source: number;
  line: number;
  /** Which part of a broken line, from 0. */
  part: number;
}

export interface Rows {
  count: number;
  /** Whether rows at the start were left out. */
  clipped: boolean;
  row: (index: number) => Row;
}

/** Several streams together are ordered by when their lines began. */
export function layOut(sources: Lines[], columns: number): Rows {
  const entries = merge(sources);
  const width = Math.max(1, columns);
  const starts = new Float64Array(entries.length + 1);
  for (const [index, entry] of entries.entries()) {
    const { source, line } = unpack(entry, sources.length);
    const parts = Math.max(1, Math.ceil((sources[source]?.width(line) ?? 0) / width));
    starts[index + 1] = (starts[index] ?? 0) + parts;
  }
  const total = starts[entries.length] ?? 0;
  const skipped = Math.max(0, total - MAX_ROWS);
  return {
    count: total - skipped,
    clipped: skipped > 0,
    row: (index) => {
      const absolute = index + skipped;
      const entry = find(starts, absolute);
      return { ...unpack(entries[entry] ?? 0, sources.length), part: absolute - (starts[entry] ?? 0) };
    },
  };
}

const unpack = (entry: number, sources: number) => ({
  source: entry % sources,
  line: Math.floor(entry / sources),
});

function merge(sources: Lines[]): number[] {
  const entries: number[] = [];
  const next = sources.map(() => 0);
  for (;;) {
    let best = -1;
    let bestOrder = Number.POSITIVE_INFINITY;
    for (const [source, lines] of sources.entries()) {
      const line = next[source] ?? 0;
      if (line < lines.length && lines.order(line) < bestOrder) {
        best = source;
        bestOrder = lines.order(line);
      }
    }
    if (best < 0) {
      return entries;
    }
    const line = next[best] ?? 0;
    entries.push(line * sources.length + best);
    next[best] = line + 1;
  }
}

/** The last entry that starts at or before this row. */
function find(starts: Float64Array, row: number): number {
  let low = 0;
  let high = starts.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= row) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return Math.max(0, low);
}

/** Part of a text by place, without tearing a character of two units apart. */
export function slice(text: string, from: number, to: number): string {
  const safe = (at: number) => (isLowSurrogate(text.charCodeAt(at)) && at > 0 ? at + 1 : at);
  return text.slice(safe(from), safe(to));
}

const isLowSurrogate = (code: number) => code >= 0xdc00 && code <= 0xdfff;
