/** The steps of a workflow as a graph: what is drawn, and which route leads where. Knows nothing of text or of React. */
import type { WorkflowStep } from "~/api/types";
import { canFail, type Route, routesOf, stepSummary } from "../steps";
import { STEP_TYPE } from "../words";

export type When = Route["when"];
export type End = "completed" | "failed" | "cancelled";
export const ENDS: readonly End[] = ["completed", "failed", "cancelled"];

export interface FlowStep {
  /** Its own among all nodes, even where two steps have the same id. */
  key: string;
  id: string;
  step: WorkflowStep;
  /** JSON Pointer into the definition in its normal form. */
  pointer: string;
  /** The list it stands in, and where. */
  list: string;
  index: number;
  branches: FlowBranch[];
}

export interface FlowBranch {
  key: string;
  pointer: string;
  name: string;
  list: FlowList;
}

export interface FlowList {
  /** JSON Pointer: `/steps`, or that of a branch's steps. */
  pointer: string;
  steps: FlowStep[];
}

export type NodeKind = "start" | "step" | "parallel" | "branch" | "end";

export interface FlowNode {
  key: string;
  kind: NodeKind;
  /** The node it stands in. */
  parent: string | undefined;
  /** Of the list it belongs to. */
  list: string;
  flow?: FlowStep;
  branch?: FlowBranch;
  end?: End;
}

export interface FlowEdge {
  key: string;
  source: string;
  target: string;
  list: string;
  when: When | "start";
  /** Nobody wrote it down: it follows from the order of the list. */
  implied: boolean;
}

export interface Graph {
  root: FlowList;
  nodes: FlowNode[];
  edges: FlowEdge[];
  /** All steps, those of branches too, in the order of the text. */
  steps: FlowStep[];
}

export const START = "start";
export const endKey = (end: End, list: string) => (list === "/steps" ? `end:${end}` : `end:${end}@${list}`);
export const edgeKey = (source: string, when: FlowEdge["when"]) => `${source}>${when}`;

/** The steps of a list with their places. Keys are made of ids, so that a step stays itself when others move. */
export function flowOf(
  steps: WorkflowStep[],
  pointer = "/steps",
  taken: Set<string> = new Set<string>(),
): FlowList {
  return {
    pointer,
    steps: steps.map((step, index) => {
      const at = `${pointer}/${index}`;
      const named = `step:${step.id}`;
      const key = step.id === "" || taken.has(named) ? `step@${at}` : named;
      taken.add(key);
      return {
        key,
        id: step.id,
        step,
        pointer: at,
        list: pointer,
        index,
        branches:
          step.type === "parallel"
            ? step.branches.map((branch, number) => ({
                key: `branch:${at}/branches/${number}`,
                pointer: `${at}/branches/${number}`,
                name: branch.name ?? `Branch ${number + 1}`,
                list: flowOf(branch.steps, `${at}/branches/${number}/steps`, taken),
              }))
            : [],
      };
    }),
  };
}

interface GraphOptions {
  /** Every end, used or not: where a route is being drawn to one. */
  allEnds?: boolean;
}

export function graphOf(root: FlowList, { allEnds = false }: GraphOptions = {}): Graph {
  const graph: Graph = { root, nodes: [], edges: [], steps: [] };
  graph.nodes.push({ key: START, kind: "start", parent: undefined, list: root.pointer });
  addList(graph, root, undefined, allEnds ? ENDS : root.steps.length === 0 ? ["completed"] : []);
  graph.edges.push({
    key: edgeKey(START, "start"),
    source: START,
    target: root.steps[0]?.key ?? endKey("completed", root.pointer),
    list: root.pointer,
    when: "start",
    implied: true,
  });
  return graph;
}

function addList(graph: Graph, list: FlowList, parent: string | undefined, ends: readonly End[]): void {
  const used = new Set<End>(ends);
  const routed = list.steps.map(({ step }) => step);
  for (const flow of list.steps) {
    graph.steps.push(flow);
    const parallel = flow.step.type === "parallel";
    graph.nodes.push({
      key: flow.key,
      kind: parallel ? "parallel" : "step",
      parent,
      list: list.pointer,
      flow,
    });
    for (const branch of flow.branches) {
      graph.nodes.push({ key: branch.key, kind: "branch", parent: flow.key, list: list.pointer, branch });
      addList(graph, branch.list, branch.key, []);
    }
    for (const route of routesOf(routed, flow.index)) {
      const implied = isImplied(flow.step, route.when);
      const target = targetOf(list, route.to);
      // That a failure ends a workflow is so for every step, and that the last one ends a branch for every branch.
      const noise = implied && "end" in route.to && (route.when === "failure" || parent !== undefined);
      if (target === undefined || noise) {
        continue;
      }
      if ("end" in route.to) {
        used.add(route.to.end);
      }
      graph.edges.push({
        key: edgeKey(flow.key, route.when),
        source: flow.key,
        target,
        list: list.pointer,
        when: route.when,
        implied,
      });
    }
  }
  for (const end of ENDS.filter((one) => used.has(one))) {
    graph.nodes.push({ key: endKey(end, list.pointer), kind: "end", parent, list: list.pointer, end });
  }
}

function targetOf(list: FlowList, to: Route["to"]): string | undefined {
  return "end" in to ? endKey(to.end, list.pointer) : list.steps.find(({ id }) => id === to.step)?.key;
}

function isImplied(step: WorkflowStep, when: When): boolean {
  switch (when) {
    case "failure":
      return !step.on_failure;
    case "success":
      return !step.on_success || step.on_success === "continue";
    case "true":
      return step.type === "conditional" && step.on_true === "continue";
    case "false":
      return step.type === "conditional" && step.on_false === "continue";
  }
}

/** The routes a step can have, in the order they are drawn. */
export function whensOf(step: WorkflowStep): When[] {
  const failure: When[] = canFail(step) ? ["failure"] : [];
  return step.type === "conditional" ? ["true", "false", ...failure] : ["success", ...failure];
}

/** What a step does in one line; nothing for a type that is not known. */
export const summaryOf = (step: WorkflowStep): string =>
  Object.hasOwn(STEP_TYPE, step.type) ? stepSummary(step) : "";

/** The list with this pointer, wherever it stands. */
export function listAt(root: FlowList, pointer: string): FlowList | undefined {
  if (root.pointer === pointer) {
    return root;
  }
  for (const { branches } of root.steps) {
    for (const { list } of branches) {
      const found = listAt(list, pointer);
      if (found) {
        return found;
      }
    }
  }
  return undefined;
}
