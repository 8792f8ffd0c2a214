/** Where the nodes of a graph stand: from top to bottom, branches of a parallel step beside each other inside it. */
import dagre from "@dagrejs/dagre";
import type { FlowBranch, FlowEdge, FlowList, FlowNode, FlowStep, Graph } from "./model";

export interface Point {
  x: number;
  y: number;
}

export interface Box extends Point {
  width: number;
  height: number;
}

export interface Layout {
  /** By key of the node; inside the node it stands in. */
  boxes: Map<string, Box>;
  /** By key of the edge: where it bends, seen from where it leaves its source. Absent: it has no bends. */
  bends: Map<string, Point[]>;
  /** By key of the edge that leads back up: the right-hand side it goes along, from the same place. */
  lanes: Map<string, number>;
  /** By key of the step: so that its routes do not cross each other where they begin. */
  exits: Map<string, Exits>;
}

export interface Sizes {
  stepWidth: number;
  stepHeight: number;
}

/** Where routes leave a step: how far along its lower side. */
export type Exits = Record<FlowEdge["when"], number>;

export const EXITS: Exits = { start: 0.5, success: 0.5, failure: 0.84, true: 0.18, false: 0.5 };

export const SIZES: Sizes = { stepWidth: 248, stepHeight: 76 };
const MARK: Record<"start" | "end", { width: number; height: number }> = {
  start: { width: 88, height: 30 },
  end: { width: 120, height: 30 },
};
/** Of a parallel step: its own lines above the branches, and the space around them. */
const HEAD = 62;
const SPACE = 14;
/** Of a branch: its name. */
const BRANCH_HEAD = 26;
const EMPTY_BRANCH = { width: 200, height: 56 };
const RANKS = 28;
const NODES = 36;
const LANE = 22;

interface Size {
  width: number;
  height: number;
}

export function layoutOf(graph: Graph, sizes: Sizes = SIZES): Layout {
  const layout: Layout = { boxes: new Map(), bends: new Map(), lanes: new Map(), exits: new Map() };
  layList(graph, graph.root, undefined, sizes, layout);
  return layout;
}

/** Lays out one list, and gives how much room it takes. */
function layList(
  graph: Graph,
  list: FlowList,
  parent: string | undefined,
  sizes: Sizes,
  layout: Layout,
): Size {
  const nodes = graph.nodes.filter((node) => node.list === list.pointer && node.parent === parent);
  const edges = graph.edges.filter((edge) => edge.list === list.pointer);
  const back = backwards(nodes, edges);
  const plan = new dagre.graphlib.Graph({ multigraph: true });
  plan.setGraph({ rankdir: "TB", ranksep: RANKS, nodesep: NODES, edgesep: 24, marginx: 0, marginy: 0 });
  plan.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) {
    plan.setNode(node.key, { ...sizeOf(graph, node, sizes, layout) });
  }
  for (const edge of edges) {
    if (!back.has(edge.key)) {
      plan.setEdge(edge.source, edge.target, { width: 56, height: 14, labelpos: "c" }, edge.key);
    }
  }
  if (nodes.length > 0) {
    dagre.layout(plan);
  }
  for (const { key } of nodes) {
    const { x, y, width, height } = plan.node(key) as Box;
    layout.boxes.set(key, { x: x - width / 2, y: y - height / 2, width, height });
  }
  layExits(nodes, edges, back, layout);
  for (const edge of edges) {
    if (!back.has(edge.key)) {
      bend(edge, plan.edge({ v: edge.source, w: edge.target, name: edge.key }).points ?? [], layout);
    }
  }
  return withLanes(
    nodes,
    edges.filter(({ key }) => back.has(key)),
    layout,
  );
}

function sizeOf(graph: Graph, node: FlowNode, sizes: Sizes, layout: Layout): Size {
  if (node.kind === "start" || node.kind === "end") {
    return MARK[node.kind];
  }
  if (node.kind === "parallel" && node.flow) {
    return layParallel(graph, node.flow, sizes, layout);
  }
  return { width: sizes.stepWidth, height: sizes.stepHeight };
}

function layParallel(graph: Graph, { branches }: FlowStep, sizes: Sizes, layout: Layout): Size {
  let x = SPACE;
  const head = HEAD + sizes.stepHeight - SIZES.stepHeight;
  const inner = branches.map((branch) => layBranch(graph, branch, sizes, layout));
  const height = Math.max(0, ...inner.map((size) => size.height));
  branches.forEach(({ key }, number) => {
    const width = inner[number]?.width ?? 0;
    layout.boxes.set(key, { x, y: head, width, height });
    x += width + SPACE;
  });
  return {
    width: Math.max(sizes.stepWidth, x),
    height: head + height + (branches.length > 0 ? SPACE : 0),
  };
}

function layBranch(graph: Graph, { key, list }: FlowBranch, sizes: Sizes, layout: Layout): Size {
  const { width, height } = layList(graph, list, key, sizes, layout);
  if (list.steps.length === 0) {
    return EMPTY_BRANCH;
  }
  for (const node of graph.nodes) {
    const box = node.parent === key ? layout.boxes.get(node.key) : undefined;
    if (box) {
      layout.boxes.set(node.key, { ...box, x: box.x + SPACE, y: box.y + BRANCH_HEAD });
    }
  }
  return { width: width + 2 * SPACE, height: height + BRANCH_HEAD + SPACE };
}

function exitOf(layout: Layout, source: string, when: FlowEdge["when"]): number {
  const { x, width } = layout.boxes.get(source) ?? { x: 0, width: 0 };
  return x + width * (layout.exits.get(source) ?? EXITS)[when];
}

/** From left to right as their targets stand. */
function layExits(nodes: FlowNode[], edges: FlowEdge[], back: Set<string>, layout: Layout): void {
  const middle = (key: string) => {
    const { x, width } = layout.boxes.get(key) ?? { x: 0, width: 0 };
    return x + width / 2;
  };
  for (const { key, flow } of nodes) {
    const towards = (when: FlowEdge["when"]) => {
      const edge = edges.find((one) => one.source === key && one.when === when);
      return edge && !back.has(edge.key) ? middle(edge.target) : Number.POSITIVE_INFINITY;
    };
    if (flow?.step.type === "conditional") {
      const [one, two, three] = (["true", "false", "failure"] as const).toSorted(
        (left, right) => Math.sign(towards(left) - towards(right)) || 0,
      );
      const exits = { ...EXITS };
      for (const [when, place] of [[one, 0.18] as const, [two, 0.5] as const, [three, 0.84] as const]) {
        exits[when ?? "failure"] = place;
      }
      layout.exits.set(key, exits);
    } else if (flow) {
      const least = Math.min(towards("success"), middle(key));
      layout.exits.set(key, { ...EXITS, failure: towards("failure") < least ? 0.16 : EXITS.failure });
    }
  }
}

/** Only bends between the ends: those are where the handles are. */
function bend({ key, source, when }: FlowEdge, points: Point[], layout: Layout): void {
  const from = layout.boxes.get(source);
  const between = points.slice(1, -1);
  if (from && between.length > 1) {
    const origin = { x: exitOf(layout, source, when), y: from.y + from.height };
    layout.bends.set(
      key,
      between.map(({ x, y }) => ({ x: x - origin.x, y: y - origin.y })),
    );
  }
}

/** Edges that lead back up go along on the right of everything. */
function withLanes(nodes: FlowNode[], back: FlowEdge[], layout: Layout): Size {
  const boxes = nodes.flatMap(({ key }) => layout.boxes.get(key) ?? []);
  const right = Math.max(0, ...boxes.map(({ x, width }) => x + width));
  const bottom = Math.max(0, ...boxes.map(({ y, height }) => y + height));
  back.forEach(({ key, source, when }, number) => {
    layout.lanes.set(key, right + LANE * (number + 1) - exitOf(layout, source, when));
  });
  return {
    width: right + (back.length > 0 ? LANE * (back.length + 1) : 0),
    height: bottom + (back.length > 0 ? LANE : 0),
  };
}

/** Edges that would close a circle, seen from the first step. */
function backwards(nodes: FlowNode[], edges: FlowEdge[]): Set<string> {
  const back = new Set<string>();
  const open = new Set<string>();
  const done = new Set<string>();
  const leaving = new Map<string, FlowEdge[]>();
  for (const edge of edges) {
    leaving.set(edge.source, [...(leaving.get(edge.source) ?? []), edge]);
  }
  const visit = (key: string) => {
    open.add(key);
    for (const edge of leaving.get(key) ?? []) {
      if (open.has(edge.target)) {
        back.add(edge.key);
      } else if (!done.has(edge.target)) {
        visit(edge.target);
      }
    }
    open.delete(key);
    done.add(key);
  };
  for (const { key } of nodes) {
    if (!done.has(key)) {
      visit(key);
    }
  }
  return back;
}
