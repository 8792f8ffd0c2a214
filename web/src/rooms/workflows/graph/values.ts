/** Plain values as YAML and JSON have them: comparing, and changing a copy at a path. */

export type Path = readonly (string | number)[];

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export function deepEqual(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) || Array.isArray(other)) {
    return (
      Array.isArray(one) &&
      Array.isArray(other) &&
      one.length === other.length &&
      one.every((entry, index) => deepEqual(entry, other[index]))
    );
  }
  if (isRecord(one) && isRecord(other)) {
    const keys = Object.keys(one);
    return (
      keys.length === Object.keys(other).length &&
      keys.every((key) => Object.hasOwn(other, key) && deepEqual(one[key], other[key]))
    );
  }
  return Object.is(one, other);
}

export function valueIn(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, segment) => {
    if (Array.isArray(at)) {
      return at[Number(segment)];
    }
    return isRecord(at) && Object.hasOwn(at, segment) ? at[segment] : undefined;
  }, value);
}

export const withIn = (value: unknown, path: Path, set: unknown): unknown => changed(value, path, () => set);

export function withoutIn(value: unknown, path: Path): unknown {
  const last = path.at(-1);
  return changed(value, path.slice(0, -1), (holder) => {
    if (Array.isArray(holder)) {
      return holder.filter((_, index) => index !== last);
    }
    return isRecord(holder)
      ? Object.fromEntries(Object.entries(holder).filter(([key]) => key !== last))
      : holder;
  });
}

export const withInserted = (value: unknown, path: Path, index: number, item: unknown): unknown =>
  changed(value, path, (list) => (Array.isArray(list) ? list.toSpliced(index, 0, item) : [item]));

function changed(value: unknown, path: Path, change: (old: unknown) => unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) {
    return change(value);
  }
  if (typeof first === "number") {
    const list = Array.isArray(value) ? value : [];
    return list.with(first, changed(list[first], rest, change));
  }
  const record = isRecord(value) ? value : {};
  return {
    ...record,
    [first]: changed(Object.hasOwn(record, first) ? record[first] : undefined, rest, change),
  };
}
