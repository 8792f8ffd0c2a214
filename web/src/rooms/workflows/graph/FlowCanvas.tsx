import "@xyflow/react/dist/style.css";
import {
  Background,
  Controls,
  MiniMap,
  type NodeTypes,
  ReactFlow,
  type ReactFlowProps,
  ReactFlowProvider,
} from "@xyflow/react";
import { type ReactNode, useMemo } from "react";
import type { WorkflowDefinition } from "~/api/types";
import { type DrawnNode, type DrawnRoute, drawnNodes, drawnRoutes, type StepDecoration } from "./elements";
import classes from "./flow.module.css";
import { layoutOf, type Sizes } from "./layout";
import { type FlowStep, flowOf, graphOf } from "./model";
import { RouteEdge } from "./RouteEdge";
import { BranchNode, EndNode, ParallelNode, StartNode, StepNode } from "./StepNode";

const NODES: NodeTypes = {
  step: StepNode,
  parallel: ParallelNode,
  branch: BranchNode,
  end: EndNode,
  start: StartNode,
};
const EDGES = { route: RouteEdge };
const MAP = { width: 132, height: 96 };
const WHENS = ["start", "success", "failure", "true", "false"] as const;

/** What every drawing of a workflow has in common: looks, arrows, the map in the corner, how it is moved about. */
export function FlowFrame({
  children,
  ...props
}: ReactFlowProps<DrawnNode, DrawnRoute> & { children?: ReactNode }) {
  return (
    <div className={classes.canvas}>
      <svg className={classes.arrows} aria-hidden>
        <defs>
          {WHENS.map((when) => (
            <marker
              key={when}
              id={`flow-arrow-${when}`}
              viewBox="0 0 10 10"
              refX="8"
              refY="5"
              markerWidth="9"
              markerHeight="9"
              markerUnits="userSpaceOnUse"
              orient="auto-start-reverse"
            >
              <path d="M0,0 L10,5 L0,10 z" data-when={when} />
            </marker>
          ))}
        </defs>
      </svg>
      <ReactFlow<DrawnNode, DrawnRoute>
        nodeTypes={NODES}
        edgeTypes={EDGES}
        fitView
        fitViewOptions={FIT}
        minZoom={0.2}
        maxZoom={1.75}
        disableKeyboardA11y
        deleteKeyCode={null}
        {...props}
      >
        <Background gap={20} />
        <Controls showInteractive={false} fitViewOptions={FIT} aria-label="Zoom" />
        <MiniMap
          pannable
          zoomable
          ariaLabel="The whole workflow, small"
          style={MAP}
          nodeColor="var(--line-strong)"
          nodeStrokeColor="var(--text-dim)"
        />
        {children}
      </ReactFlow>
    </div>
  );
}

export const FIT = { padding: 0.12, maxZoom: 1 };

interface FlowCanvasProps {
  definition: WorkflowDefinition;
  /** What it is a drawing of. */
  label: string;
  /** By id of the step. */
  decorate?: (step: string) => StepDecoration | undefined;
  selected?: string | undefined;
  onSelect?: (step: string) => void;
  sizes?: Sizes;
}

/** The steps of a definition and where they lead, to be looked at. */
export function FlowCanvas({ definition, label, decorate, selected, onSelect, sizes }: FlowCanvasProps) {
  const graph = useMemo(() => graphOf(flowOf(definition.steps)), [definition]);
  const layout = useMemo(() => layoutOf(graph, sizes), [graph, sizes]);
  const routes = useMemo(() => drawnRoutes(graph, layout, { focusable: false }), [graph, layout]);
  const nodes = drawnNodes(graph, layout, {
    decorate: ({ id }) => decorate?.(id),
  }).map((node) => ("flow" in node.data ? { ...node, selected: node.data.flow.id === selected } : node));
  const choose = (flow: FlowStep | undefined) => flow && onSelect?.(flow.id);
  return (
    <ReactFlowProvider>
      <FlowFrame
        aria-label={label}
        nodes={nodes}
        edges={routes}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        onNodeClick={(_, { data }) => choose("flow" in data ? data.flow : undefined)}
        onKeyDown={(event) => {
          const key = event.key === "Enter" || event.key === " " ? focusedNode(event.target) : undefined;
          if (key !== undefined) {
            event.preventDefault();
            choose(graph.steps.find((step) => step.key === key));
          }
        }}
      />
    </ReactFlowProvider>
  );
}

/** The key of the node that has the focus itself. */
export function focusedNode(target: EventTarget): string | undefined {
  return target instanceof HTMLElement && target.classList.contains("react-flow__node")
    ? target.dataset["id"]
    : undefined;
}
