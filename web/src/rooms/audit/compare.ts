/** Two states of an object, field by field. */

export interface Compared {
  field: string;
  before: string | undefined;
  after: string | undefined;
  changed: boolean;
}

/** Changed fields first, then the others; both in the order of the alphabet. */
export function compare(before: unknown, after: unknown): Compared[] {
  const old = fields(before);
  const now = fields(after);
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  const rows = names.map((field) => {
    const [was, is] = [old.get(field), now.get(field)];
    return { field, before: was, after: is, changed: was !== is };
  });
  return [...rows.filter((row) => row.changed), ...rows.filter((row) => !row.changed)];
}

function fields(value: unknown): Map<string, string> {
  if (value === null || value === undefined) {
    return new Map();
  }
  if (typeof value !== "object" || Array.isArray(value)) {
    return new Map([["value", text(value)]]);
  }
  return new Map(Object.entries(value).map(([name, part]) => [name, text(part)]));
}

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value, null, 1));
