import { type QueryKey, useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type ListState, type LoadPage, listOptions } from "./list";

/** The loaded rows of a list with what a table needs to know about loading them. */
export function useList<Item>(key: QueryKey, state: ListState, load: LoadPage<Item>) {
  const query = useInfiniteQuery(listOptions(key, state, load));
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  return {
    rows,
    refresh: (): Promise<unknown> => query.refetch(),
    status: {
      pending: query.isPending,
      error: query.error,
      retry: () => void query.refetch(),
      more: query.hasNextPage ? () => void query.fetchNextPage() : undefined,
      loadingMore: query.isFetchingNextPage,
    },
  };
}
