/** Which columns a table shows and in which order: defaults, what the user chose, what the URL says. */

export interface ColumnChoice {
  id: string;
  /** Not shown until somebody asks for it. */
  hidden?: boolean;
  /** Always shown. */
  fixed?: boolean;
}

export interface Layout {
  /** Every column, shown or not. */
  order: string[];
  hidden: string[];
}

export function defaultLayout(columns: ColumnChoice[]): Layout {
  return {
    order: columns.map((column) => column.id),
    hidden: columns.filter((column) => column.hidden).map((column) => column.id),
  };
}

/**
 * Makes a stored layout fit the columns of today: unknown ones are dropped, new ones appear where the default
 * has them, fixed ones are shown.
 */
export function fitLayout(columns: ColumnChoice[], stored: Layout | undefined): Layout {
  const standard = defaultLayout(columns);
  if (!stored) {
    return standard;
  }
  const known = new Map(columns.map((column) => [column.id, column]));
  const order = unique(stored.order.filter((id) => known.has(id)));
  for (const [index, id] of standard.order.entries()) {
    if (!order.includes(id)) {
      const before = standard.order.slice(0, index).findLast((earlier) => order.includes(earlier));
      order.splice(before === undefined ? 0 : order.indexOf(before) + 1, 0, id);
    }
  }
  const hidden = columns
    .filter((column) => !column.fixed)
    .filter((column) =>
      stored.order.includes(column.id) ? stored.hidden.includes(column.id) : column.hidden === true,
    )
    .map((column) => column.id);
  return { order, hidden };
}

/** The URL's form: the shown columns in their order, separated by commas. */
export function layoutToParam(layout: Layout): string {
  return layout.order.filter((id) => !layout.hidden.includes(id)).join(",");
}

export function layoutFromParam(columns: ColumnChoice[], param: string): Layout {
  const known = columns.map((column) => column.id);
  const shown = unique(param.split(",").filter((id) => known.includes(id)));
  const others = known.filter((id) => !shown.includes(id));
  return fitLayout(columns, { order: [...shown, ...others], hidden: others });
}

export function moveColumn(layout: Layout, id: string, step: -1 | 1): Layout {
  const from = layout.order.indexOf(id);
  const to = from + step;
  if (from < 0 || to < 0 || to >= layout.order.length) {
    return layout;
  }
  const order = [...layout.order];
  order.splice(from, 1);
  order.splice(to, 0, id);
  return { ...layout, order };
}

export function showColumn(layout: Layout, id: string, shown: boolean): Layout {
  const hidden = layout.hidden.filter((other) => other !== id);
  return { ...layout, hidden: shown ? hidden : [...hidden, id] };
}

const storageKey = (table: string, user: number | string) => `postern.columns.${table}.${user}`;

export function loadLayout(table: string, user: number | string): Layout | undefined {
  try {
    const text = localStorage.getItem(storageKey(table, user));
    return text ? parseLayout(JSON.parse(text)) : undefined;
  } catch {
    return undefined;
  }
}

export function saveLayout(table: string, user: number | string, layout: Layout | undefined): void {
  try {
    if (layout) {
      localStorage.setItem(storageKey(table, user), JSON.stringify(layout));
    } else {
      localStorage.removeItem(storageKey(table, user));
    }
  } catch {
    // A browser without storage forgets; nothing else depends on it.
  }
}

function parseLayout(value: unknown): Layout | undefined {
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  const { order, hidden } = value as Record<string, unknown>;
  return isTexts(order) && isTexts(hidden) ? { order, hidden } : undefined;
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === "string");

const unique = (texts: string[]): string[] => [...new Set(texts)];
