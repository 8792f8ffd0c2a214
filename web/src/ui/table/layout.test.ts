import { describe, expect, it } from "vitest";
import {
  defaultLayout,
  fitLayout,
  layoutFromParam,
  layoutToParam,
  loadLayout,
  moveColumn,
  saveLayout,
  showColumn,
} from "./layout";

const COLUMNS = [{ id: "name", fixed: true }, { id: "os" }, { id: "labels" }, { id: "arch", hidden: true }];

describe("layout of columns", () => {
  it("starts with every column in order and the rare ones hidden", () => {
    expect(defaultLayout(COLUMNS)).toEqual({ order: ["name", "os", "labels", "arch"], hidden: ["arch"] });
  });

  it("a stored layout loses unknown columns, gains new ones at their place and shows fixed ones", () => {
    const stored = { order: ["labels", "gone", "name", "labels"], hidden: ["name", "labels", "gone"] };
    expect(fitLayout(COLUMNS, stored)).toEqual({
      order: ["labels", "arch", "name", "os"],
      hidden: ["labels", "arch"],
    });
  });

  it("moves and hides", () => {
    const layout = defaultLayout(COLUMNS);
    expect(moveColumn(layout, "labels", -1).order).toEqual(["name", "labels", "os", "arch"]);
    expect(moveColumn(layout, "name", -1)).toBe(layout);
    expect(moveColumn(layout, "arch", 1)).toBe(layout);
    expect(showColumn(layout, "arch", true).hidden).toEqual([]);
    expect(showColumn(layout, "os", false).hidden).toEqual(["arch", "os"]);
  });

  it("goes through the URL", () => {
    const layout = { order: ["labels", "name", "os", "arch"], hidden: ["os"] };
    const param = layoutToParam(layout);
    expect(param).toBe("labels,name,arch");
    const back = layoutFromParam(COLUMNS, param);
    expect(layoutToParam(back)).toBe(param);
    expect(back.hidden).toEqual(["os"]);
  });

  it("a made-up URL still shows the fixed column", () => {
    expect(layoutFromParam(COLUMNS, "nonsense,os").hidden).toEqual(["labels", "arch"]);
  });
});

describe("remembering", () => {
  it("is per table and per user", () => {
    const layout = { order: ["os", "name", "labels", "arch"], hidden: ["labels"] };
    saveLayout("agents", 1, layout);
    expect(loadLayout("agents", 1)).toEqual(layout);
    expect(loadLayout("agents", 2)).toBeUndefined();
    expect(loadLayout("jobs", 1)).toBeUndefined();
    saveLayout("agents", 1, undefined);
    expect(loadLayout("agents", 1)).toBeUndefined();
  });

  it.each(["", "{", "[]", "null", '{"order":[1],"hidden":[]}', '{"order":"x"}'])("ignores %j", (text) => {
    localStorage.setItem("postern.columns.agents.1", text);
    expect(loadLayout("agents", 1)).toBeUndefined();
  });
});
