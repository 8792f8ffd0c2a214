import { expect, it } from "vitest";
import { allItems, type ListQuery } from "./list";

it("all pages of a list are read, one after the other, with the same filter", async () => {
  const asked: ListQuery[] = [];
  const pages = new Map<string | undefined, { items: number[]; next_cursor?: string }>([
    [undefined, { items: [1, 2], next_cursor: "b" }],
    ["b", { items: [3], next_cursor: "c" }],
    ["c", { items: [4, 5] }],
  ]);
  const items = await allItems({ filter: ["kind:library"] }, async (query) => {
    asked.push(query);
    return pages.get(query.cursor) ?? { items: [] };
  });
  expect(items).toEqual([1, 2, 3, 4, 5]);
  expect(asked.map(({ cursor, filter }) => [cursor, filter])).toEqual([
    [undefined, ["kind:library"]],
    ["b", ["kind:library"]],
    ["c", ["kind:library"]],
  ]);
});
