/** A list with one entry moved up or down; at the ends it stays as it is. */
export function moved<Entry>(list: Entry[], index: number, step: -1 | 1): Entry[] {
  const entry = list[index];
  const to = index + step;
  if (entry === undefined || to < 0 || to >= list.length) {
    return list;
  }
  const rest = list.filter((_, other) => other !== index);
  return [...rest.slice(0, to), entry, ...rest.slice(to)];
}
