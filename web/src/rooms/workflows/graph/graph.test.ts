import { describe, expect, it } from "vitest";
import type { WorkflowStep } from "~/api/types";
import { drawnNodes, drawnRoutes } from "./elements";
import { type Box, layoutOf } from "./layout";
import { flowOf, graphOf } from "./model";
import { downwards, upwards } from "./paths";

const command = (id: string, more: Partial<WorkflowStep> = {}) =>
  ({ type: "command", id, command: "true", ...more }) as WorkflowStep;

const STEPS: WorkflowStep[] = [
  command("look"),
  { type: "conditional", id: "low", condition: "1 == 1", on_true: "continue", on_false: "look" },
  {
    type: "parallel",
    id: "both",
    branches: [
      { name: "left", steps: [command("one"), command("two", { on_failure: "completed" })] },
      { steps: [command("three", { on_success: "cancelled" })] },
      { steps: [] },
    ],
  },
  command("tell", { on_failure: "cancelled" }),
];

const edgesOf = (steps: WorkflowStep[]) =>
  graphOf(flowOf(steps)).edges.map(({ source, when, target }) => `${source} ${when} ${target}`);

describe("the graph of a workflow", () => {
  it("has an edge for each route, the order of the list included", () => {
    expect(edgesOf(STEPS)).toEqual([
      "step:look success step:low",
      "step:low true step:both",
      "step:low false step:look",
      "step:one success step:two",
      "step:two failure end:completed@/steps/2/branches/0/steps",
      "step:three success end:cancelled@/steps/2/branches/1/steps",
      "step:both success step:tell",
      "step:tell success end:completed",
      "step:tell failure end:cancelled",
      "start start step:look",
    ]);
  });

  it("draws a failure that nobody wrote down nowhere, and one that somebody did", () => {
    expect(edgesOf([command("a")])).not.toContain("step:a failure end:failed");
    expect(edgesOf([command("a", { on_failure: "failed" })])).toContain("step:a failure end:failed");
  });

  it("leaves out routes to steps that are not in the list", () => {
    expect(
      edgesOf([command("a", { on_success: "gone", on_failure: "one" }), ...STEPS.slice(2)]),
    ).not.toContain("step:a failure step:one");
  });

  it("shows only ends that are used, unless all are asked for", () => {
    const ends = (all: boolean) =>
      graphOf(flowOf([command("a")]), { allEnds: all }).nodes.flatMap(({ end }) => end ?? []);
    expect(ends(false)).toEqual(["completed"]);
    expect(ends(true)).toEqual(["completed", "failed", "cancelled"]);
  });

  it("of nothing leads from the start to the end", () => {
    expect(edgesOf([])).toEqual(["start start end:completed"]);
  });

  it("tells steps apart that have the same id, or none", () => {
    const { steps } = graphOf(flowOf([command("a"), command("a"), command("")]));
    expect(steps.map(({ key }) => key)).toEqual(["step:a", "step@/steps/1", "step@/steps/2"]);
  });
});

describe("the layout", () => {
  const graph = graphOf(flowOf(STEPS));
  const layout = layoutOf(graph);
  const box = (key: string): Box => layout.boxes.get(key) ?? { x: 0, y: 0, width: 0, height: 0 };

  it("goes from top to bottom, whatever leads back", () => {
    const tops = ["start", "step:look", "step:low", "step:both", "step:tell"].map((key) => box(key).y);
    expect(tops).toEqual([...tops].sort((one, other) => one - other));
    expect([...layout.lanes.keys()]).toEqual(["step:low>false"]);
  });

  it("puts branches beside each other inside their step, and steps inside their branch", () => {
    const outer = box("step:both");
    const left = box("branch:/steps/2/branches/0");
    const middle = box("branch:/steps/2/branches/1");
    const right = box("branch:/steps/2/branches/2");
    expect(left.x + left.width).toBeLessThan(middle.x);
    expect(middle.x + middle.width).toBeLessThan(right.x);
    expect(right.x + right.width).toBeLessThan(outer.width);
    expect(left.y + left.height).toBeLessThan(outer.height);
    for (const key of ["step:one", "step:two"]) {
      const inner = box(key);
      expect(inner.x).toBeGreaterThan(0);
      expect(inner.x + inner.width).toBeLessThan(left.width);
      expect(inner.y + inner.height).toBeLessThan(left.height);
    }
  });

  it("lets no two nodes of a list lie on each other", () => {
    const keys = graph.nodes.filter(({ parent }) => parent === undefined).map(({ key }) => box(key));
    for (const [index, one] of keys.entries()) {
      for (const other of keys.slice(index + 1)) {
        const apart =
          one.x + one.width <= other.x ||
          other.x + other.width <= one.x ||
          one.y + one.height <= other.y ||
          other.y + other.height <= one.y;
        expect(apart).toBe(true);
      }
    }
  });

  it("takes two hundred steps, each with a way back", () => {
    const many = Array.from({ length: 200 }, (_, index) =>
      command(`s${index}`, { on_failure: index > 0 ? `s${index - 1}` : "failed" }),
    );
    expect(layoutOf(graphOf(flowOf(many))).boxes.size).toBe(203);
  });
});

describe("what is drawn", () => {
  const graph = graphOf(flowOf(STEPS));
  const layout = layoutOf(graph);

  it("reads out what a step is, and what is wrong with it", () => {
    const nodes = drawnNodes(graph, layout, {
      decorate: ({ id }) =>
        id === "tell" ? { problems: [{ severity: "error", pointer: "", message: "is missing" }] } : undefined,
    });
    expect(nodes.find(({ id }) => id === "step:tell")?.ariaLabel).toBe(
      "Step tell, Command. true. error: is missing",
    );
  });

  it("puts a parent before what stands in it, and keeps places chosen by hand", () => {
    const moved = new Map([["step:look", { x: 7, y: 9 }]]);
    const nodes = drawnNodes(graph, layout, { decorate: () => undefined, moved });
    const seen = new Set<string>();
    for (const { id, parentId } of nodes) {
      expect(parentId === undefined || seen.has(parentId)).toBe(true);
      seen.add(id);
    }
    expect(nodes.find(({ id }) => id === "step:look")?.position).toEqual({ x: 7, y: 9 });
  });

  it("names where a route leads", () => {
    const routes = drawnRoutes(graph, layout, { focusable: true });
    expect(routes.find(({ id }) => id === "step:tell>failure")?.ariaLabel).toBe(
      "Route of tell on failure, to cancelled",
    );
  });

  it("draws lines that begin and end at their nodes", () => {
    const ends = { from: { x: 10, y: 20 }, to: { x: 50, y: 200 } };
    expect(downwards(ends, [{ x: 30, y: 100 }]).path).toMatch(/^M 10,20 C .* 50,200$/);
    expect(upwards({ from: ends.to, to: ends.from }, 300).path).toMatch(/^M 50,200 .* L 10,20$/);
  });
});
