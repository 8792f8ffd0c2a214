/** Lists by cursor: the query of a list operation, pages as they are asked for, and all pages for an export. */
import { infiniteQueryOptions, type QueryKey } from "@tanstack/react-query";

export interface ListState {
  search?: string;
  sort?: string;
  /** `field:value`; a comma in the value means any of. */
  filter?: string[];
}

export interface ListQuery extends ListState {
  limit: number;
  cursor?: string;
}

export interface Page<Item> {
  items: Item[];
  next_cursor?: string | null;
}

export const PAGE_SIZE = 100;
const EXPORT_PAGE_SIZE = 500;
/** A cursor that never ends is a defect of the server; an export stops here and says so. */
const EXPORT_PAGES = 2_000;

export function listQuery(state: ListState, limit: number, cursor?: string): ListQuery {
  const query: ListQuery = { limit };
  if (state.search?.trim()) {
    query.search = state.search.trim();
  }
  if (state.sort) {
    query.sort = state.sort;
  }
  if (state.filter?.length) {
    query.filter = state.filter;
  }
  if (cursor) {
    query.cursor = cursor;
  }
  return query;
}

export type LoadPage<Item> = (query: ListQuery) => Promise<Page<Item>>;

/** Loaded pages are read again by themselves; many loaded pages less often, to spare server and browser. */
const REFRESH_MS = 5_000;
const REFRESH_MANY_MS = 30_000;
const MANY_PAGES = 5;

export function listOptions<Item>(key: QueryKey, state: ListState, load: LoadPage<Item>) {
  return infiniteQueryOptions({
    queryKey: [...key, "list", state] as QueryKey,
    queryFn: ({ pageParam }) => load(listQuery(state, PAGE_SIZE, pageParam)),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: Page<Item>) => page.next_cursor ?? undefined,
    refetchInterval: (query) =>
      (query.state.data?.pages.length ?? 0) > MANY_PAGES ? REFRESH_MANY_MS : REFRESH_MS,
    placeholderData: (previous) => previous,
  });
}

export async function allItems<Item>(
  state: ListState,
  load: LoadPage<Item>,
  progress: (count: number) => void = () => {},
): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < EXPORT_PAGES; page += 1) {
    const loaded = await load(listQuery(state, EXPORT_PAGE_SIZE, cursor));
    items.push(...loaded.items);
    progress(items.length);
    cursor = loaded.next_cursor ?? undefined;
    if (!cursor) {
      return items;
    }
  }
  throw new Error(
    `The list has more than ${EXPORT_PAGES * EXPORT_PAGE_SIZE} rows: narrow it down with filters.`,
  );
}
