/** A graph and its layout as what React Flow draws. */
import type { Edge, Node } from "@xyflow/react";
import type { ReactNode } from "react";
import type { Found } from "../problems";
import { stepTypeWords } from "../words";
import { type Box, EXITS, type Exits, type Layout, type Point } from "./layout";
import type { End, FlowBranch, FlowEdge, FlowNode, FlowStep, Graph } from "./model";
import { summaryOf } from "./model";

/** What is wrong or doubtful about a step. */
export type Mark = Pick<Found, "severity" | "pointer" | "message">;

/** What a page knows of a step beside its definition. */
export interface StepDecoration {
  /** Colours the frame: how the step is doing. */
  tone?: "good" | "busy" | "wait" | "warn" | "bad";
  /** At the right of the head: a state, a duration. */
  badge?: ReactNode;
  /** Read out after the name of the step. */
  words?: string;
  problems?: readonly Mark[];
  /** Nothing has happened here: drawn paler. */
  dim?: boolean;
}

export type StepData = {
  flow: FlowStep;
  decoration: StepDecoration | undefined;
  exits: Exits;
};
export type BranchData = { branch: FlowBranch; empty: boolean };
export type EndData = { end: End; inBranch: boolean };
export type RouteData = {
  edge: FlowEdge;
  bends: Point[];
  lane: number | undefined;
  /** What is being dragged would be put in here. */
  target: boolean;
};

export type DrawnNode =
  | Node<StepData, "step">
  | Node<StepData, "parallel">
  | Node<BranchData, "branch">
  | Node<EndData, "end">
  | Node<Record<string, never>, "start">;
export type DrawnRoute = Edge<RouteData, "route">;

interface NodeOptions {
  decorate: (flow: FlowStep) => StepDecoration | undefined;
  /** Places chosen by hand, by key. */
  moved?: ReadonlyMap<string, Point>;
}

export function drawnNodes(graph: Graph, layout: Layout, options: NodeOptions): DrawnNode[] {
  return graph.nodes.flatMap((node) => {
    const box = layout.boxes.get(node.key);
    const exits = layout.exits.get(node.key) ?? EXITS;
    return box ? [drawnNode(node, box, exits, options)] : [];
  });
}

function drawnNode(node: FlowNode, box: Box, exits: Exits, { decorate, moved }: NodeOptions): DrawnNode {
  const shared = {
    id: node.key,
    position: moved?.get(node.key) ?? { x: box.x, y: box.y },
    width: box.width,
    height: box.height,
    // Without it React Flow forgets the handles of a node that is drawn again, and its edges with them.
    measured: { width: box.width, height: box.height },
    ...(node.parent === undefined ? {} : { parentId: node.parent, extent: "parent" as const }),
    deletable: false,
  };
  if (node.flow) {
    const decoration = decorate(node.flow);
    return {
      ...shared,
      type: node.kind === "parallel" ? "parallel" : "step",
      data: { flow: node.flow, decoration, exits },
      ariaLabel: stepLabel(node.flow, decoration),
    };
  }
  if (node.branch) {
    return {
      ...shared,
      type: "branch",
      data: { branch: node.branch, empty: node.branch.list.steps.length === 0 },
      selectable: false,
      draggable: false,
      focusable: false,
    };
  }
  if (node.end) {
    return {
      ...shared,
      type: "end",
      data: { end: node.end, inBranch: node.list !== "/steps" },
      selectable: false,
      focusable: false,
    };
  }
  return { ...shared, type: "start", data: {}, selectable: false, focusable: false };
}

/** `Step build, command: make all`. */
function stepLabel({ id, step }: FlowStep, decoration: StepDecoration | undefined): string {
  const problems = decoration?.problems ?? [];
  return [
    `Step ${id || "without an id"}, ${stepTypeWords(step.type).label}`,
    step.name,
    summaryOf(step),
    decoration?.words,
    ...problems.map(({ severity, message }) => `${severity}: ${message}`),
  ]
    .filter(Boolean)
    .join(". ");
}

export const ROUTE_WORDS: Record<FlowEdge["when"], string> = {
  start: "begins with",
  success: "success",
  failure: "failure",
  true: "true",
  false: "false",
};

interface RouteOptions {
  moved?: ReadonlyMap<string, Point>;
  /** The edge under what is being dragged. */
  over?: string | undefined;
  focusable: boolean;
}

export function drawnRoutes(graph: Graph, layout: Layout, options: RouteOptions): DrawnRoute[] {
  const names = new Map(graph.steps.map(({ key, id }) => [key, id]));
  return graph.edges.map((edge) => {
    const away = options.moved?.has(edge.source) || options.moved?.has(edge.target);
    const to = names.get(edge.target) ?? /^end:(\w+)/.exec(edge.target)?.[1] ?? "";
    const own = edge.when !== "start";
    return {
      id: edge.key,
      type: "route",
      source: edge.source,
      target: edge.target,
      sourceHandle: own ? edge.when : null,
      data: {
        edge,
        bends: away ? [] : (layout.bends.get(edge.key) ?? []),
        lane: layout.lanes.get(edge.key),
        target: options.over === edge.key,
      },
      zIndex: 1,
      deletable: false,
      selectable: own && options.focusable,
      focusable: own && options.focusable,
      reconnectable: own && options.focusable,
      ariaLabel: own
        ? `Route of ${names.get(edge.source) ?? ""} on ${ROUTE_WORDS[edge.when]}, to ${to}`
        : `The workflow begins with ${to}`,
    };
  });
}
