import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { ApiProblem } from "~/api/problem";
import { renderUi } from "~/test/render";
import { type Column, DataTable, type ListStatus } from "./DataTable";
import { defaultLayout } from "./layout";

interface Row {
  id: number;
  name: string;
  site: string;
}

const COLUMNS: Column<Row>[] = [
  {
    id: "name",
    label: "Name",
    sort: "name",
    text: (row) => row.name,
    cell: (row) => <a href={`#${row.id}`}>{row.name}</a>,
  },
  { id: "site", label: "Site", groupable: true, text: (row) => row.site, cell: (row) => row.site },
];
const ROWS: Row[] = [
  { id: 1, name: "web-1", site: "north" },
  { id: 2, name: "web-2", site: "south" },
  { id: 3, name: "web-3", site: "north" },
];
const READY: ListStatus = { pending: false, error: null, retry: () => {} };
const PROBLEM = new ApiProblem({
  type: "about:blank",
  title: "Database is busy",
  status: 503,
  code: "busy",
  detail: "Try again in a moment.",
});

function show(part: Partial<Parameters<typeof DataTable<Row>>[0]> = {}) {
  return renderUi(
    <DataTable<Row>
      label="Hosts"
      columns={COLUMNS}
      layout={defaultLayout(COLUMNS)}
      rows={ROWS}
      rowId={(row) => String(row.id)}
      status={READY}
      empty={<p>There are none yet</p>}
      {...part}
    />,
  );
}

describe("states of a list", () => {
  it("rows", () => {
    show();
    expect(screen.getAllByRole("row")).toHaveLength(4);
    expect(screen.getByRole("link", { name: "web-2" })).toBeInTheDocument();
  });

  it("loading shows the head and placeholders", () => {
    show({ rows: [], status: { ...READY, pending: true } });
    expect(screen.getByRole("table")).toHaveAttribute("aria-busy", "true");
    expect(screen.getByRole("columnheader", { name: "Site" })).toBeInTheDocument();
    expect(screen.queryByText("There are none yet")).toBeNull();
  });

  it("empty", () => {
    show({ rows: [] });
    expect(screen.getByText("There are none yet")).toBeInTheDocument();
  });

  it("an error shows what the server said and another try", async () => {
    const retry = vi.fn();
    show({ rows: [], status: { pending: false, error: PROBLEM, retry } });
    const alert = screen.getByRole("alert");
    expect(alert).toHaveTextContent("Database is busy");
    expect(alert).toHaveTextContent("Try again in a moment.");
    await userEvent.click(within(alert).getByRole("button", { name: "Try again" }));
    expect(retry).toHaveBeenCalledOnce();
  });

  it("an error while there are rows keeps them and says they are old", () => {
    show({ status: { ...READY, error: PROBLEM } });
    expect(screen.getByRole("link", { name: "web-1" })).toBeInTheDocument();
    expect(screen.getByRole("status")).toHaveTextContent("Not up to date");
  });

  it("more rows are asked for by a button, which the last page does not have", async () => {
    const more = vi.fn();
    const { unmount } = show({ status: { ...READY, more } });
    await userEvent.click(screen.getByRole("button", { name: "Load more" }));
    expect(more).toHaveBeenCalledOnce();
    unmount();
    show();
    expect(screen.queryByRole("button", { name: "Load more" })).toBeNull();
  });
});

describe("what a table does", () => {
  it("sorting is asked for by the head and announced", async () => {
    const onSort = vi.fn();
    show({ sort: "name", onSort });
    const head = screen.getByRole("columnheader", { name: "Name" });
    expect(head).toHaveAttribute("aria-sort", "ascending");
    await userEvent.click(within(head).getByRole("button"));
    expect(onSort).toHaveBeenCalledWith("-name");
  });

  it("groups rows, says how many, and folds", async () => {
    show({ group: "site" });
    const north = screen.getByRole("button", { name: /north/ });
    expect(north).toHaveTextContent("2 rows");
    expect(screen.getByRole("link", { name: "web-3" })).toBeInTheDocument();
    await userEvent.click(north);
    expect(north).toHaveAttribute("aria-expanded", "false");
    expect(screen.queryByRole("link", { name: "web-3" })).toBeNull();
    expect(screen.getByRole("link", { name: "web-2" })).toBeInTheDocument();
  });

  it("shows columns in the chosen order and leaves hidden ones out", () => {
    show({ layout: { order: ["site", "name"], hidden: [] } });
    expect(screen.getAllByRole("columnheader").map((head) => head.textContent)).toEqual(["Site", "Name"]);
  });

  it("arrow keys go from row to row", async () => {
    show();
    screen.getByRole("link", { name: "web-1" }).focus();
    await userEvent.keyboard("{ArrowDown}{ArrowDown}{ArrowDown}{ArrowUp}");
    expect(screen.getByRole("link", { name: "web-2" })).toHaveFocus();
  });

  it("selects one and all", async () => {
    const onSelect = vi.fn();
    show({ selected: new Set(["2"]), onSelect, rowName: (row) => row.name });
    await userEvent.click(screen.getByRole("checkbox", { name: "Select web-1" }));
    expect(onSelect).toHaveBeenLastCalledWith(new Set(["2", "1"]));
    await userEvent.click(screen.getByRole("checkbox", { name: "Select all loaded rows" }));
    expect(onSelect).toHaveBeenLastCalledWith(new Set(["1", "2", "3"]));
  });
});
