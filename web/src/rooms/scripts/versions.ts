/** The numbers of versions: they count from one, and none is ever deleted. */
export const versionsDown = (newest: number): number[] =>
  Array.from({ length: newest }, (_, index) => newest - index);
