/** The state of a table as it stands in the URL, and the query string it is written in. */

export interface TableSearch {
  /** Text to search for. */
  q?: string;
  /** A field, or with `-` in front descending. */
  sort?: string;
  /** `field:value,value`, one entry per field. */
  filter?: string[];
  /** Column whose values the rows are grouped by. */
  group?: string;
  /** Shown columns in order, separated by commas. */
  columns?: string;
}

/** Reads what a person may have typed into the address bar: anything odd is ignored. */
export function readTableSearch(raw: Record<string, unknown>): TableSearch {
  const search: TableSearch = {};
  for (const key of ["q", "sort", "group", "columns"] as const) {
    const value = text(raw[key]);
    if (value) {
      search[key] = value;
    }
  }
  const filter = texts(raw["filter"]).filter((entry) => /^[^:]+:.+$/s.test(entry));
  if (filter.length > 0) {
    search.filter = filter;
  }
  return search;
}

export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function texts(value: unknown): string[] {
  const list = Array.isArray(value) ? value : [value];
  return list.filter((entry): entry is string => typeof entry === "string" && entry !== "");
}

/** Plain query strings: a key that stands several times is a list. */
export function parseSearch(query: string): Record<string, unknown> {
  const parameters = new URLSearchParams(query);
  const result: Record<string, unknown> = {};
  for (const key of new Set(parameters.keys())) {
    const values = parameters.getAll(key);
    result[key] = values.length > 1 ? values : values[0];
  }
  return result;
}

export function stringifySearch(search: Record<string, unknown>): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(search)) {
    for (const entry of Array.isArray(value) ? value : [value]) {
      if (entry !== undefined && entry !== null && entry !== "" && entry !== false) {
        parameters.append(key, String(entry));
      }
    }
  }
  // Colons and commas are allowed in a query and keep it readable.
  const query = parameters.toString().replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%2F", "/");
  return query ? `?${query}` : "";
}

/** Filters by field, in the order they were added. */
export function filtersByField(filter: string[] | undefined): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const entry of filter ?? []) {
    const colon = entry.indexOf(":");
    const field = entry.slice(0, colon);
    const values = entry
      .slice(colon + 1)
      .split(",")
      .filter((value) => value !== "");
    fields.set(field, [...new Set([...(fields.get(field) ?? []), ...values])]);
  }
  return fields;
}

export function setFilter(
  filter: string[] | undefined,
  field: string,
  values: string[],
): string[] | undefined {
  const fields = filtersByField(filter);
  if (values.length > 0) {
    fields.set(field, values);
  } else {
    fields.delete(field);
  }
  const entries = [...fields].map(([name, all]) => `${name}:${all.join(",")}`);
  return entries.length > 0 ? entries : undefined;
}

/** A click on a column's head: ascending, descending, back to the list's own order. */
export function nextSort(current: string | undefined, field: string): string | undefined {
  if (current === field) {
    return `-${field}`;
  }
  return current === `-${field}` ? undefined : field;
}
