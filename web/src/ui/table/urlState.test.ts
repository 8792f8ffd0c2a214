import { describe, expect, it } from "vitest";
import {
  filtersByField,
  nextSort,
  parseSearch,
  readTableSearch,
  setFilter,
  stringifySearch,
} from "./urlState";

describe("table state in the URL", () => {
  it("goes there and back", () => {
    const search = {
      q: "web & co",
      sort: "-created_at",
      filter: ["state:running,failed", "label:env=prod"],
      group: "agent",
      columns: "id,state",
    };
    const query = stringifySearch(search);
    expect(query).toBe(
      "?q=web+%26+co&sort=-created_at&filter=state:running,failed&filter=label:env%3Dprod&group=agent&columns=id,state",
    );
    expect(readTableSearch(parseSearch(query))).toEqual(search);
  });

  it("numbers and booleans in the address stay texts", () => {
    expect(readTableSearch(parseSearch("?q=42&group=true"))).toEqual({ q: "42", group: "true" });
  });

  it("what is empty or odd is left out", () => {
    expect(stringifySearch({ q: "", sort: undefined, filter: [] })).toBe("");
    expect(readTableSearch({ q: 5, filter: ["nocolon", "state:", ":x", "ok:1"], sort: ["a"] })).toEqual({
      filter: ["ok:1"],
    });
  });

  it("a value may hold a colon", () => {
    expect([...filtersByField(["object:agent:7"])]).toEqual([["object", ["agent:7"]]]);
  });

  it("filters are set, replaced and removed by field", () => {
    const one = setFilter(undefined, "state", ["running"]);
    const two = setFilter(one, "agent", ["1", "2"]);
    expect(two).toEqual(["state:running", "agent:1,2"]);
    expect(setFilter(two, "state", ["failed"])).toEqual(["state:failed", "agent:1,2"]);
    expect(setFilter(one, "state", [])).toBeUndefined();
  });

  it("a column's head goes up, down and back", () => {
    expect(nextSort(undefined, "name")).toBe("name");
    expect(nextSort("name", "name")).toBe("-name");
    expect(nextSort("-name", "name")).toBeUndefined();
    expect(nextSort("-name", "created_at")).toBe("created_at");
  });
});
