import { getViewportForBounds, ReactFlowProvider, useReactFlow, useStore, useStoreApi } from "@xyflow/react";
import { type RefObject, useEffect, useMemo, useRef } from "react";
import type { InstanceDetail } from "~/api/types";
import { Pill } from "~/ui/Pill";
import {
  type DrawnNode,
  type DrawnRoute,
  drawnNodes,
  drawnRoutes,
  type StepDecoration,
} from "../graph/elements";
import { FIT, FlowFrame, focusedNode } from "../graph/FlowCanvas";
import { type Box, type Layout, layoutOf } from "../graph/layout";
import { flowOf, type Graph, graphOf } from "../graph/model";
import { Took } from "../words";
import classes from "./InstanceCanvas.module.css";
import { progressOf, type StepProgress, takenRoutes } from "./progress";
import { typesOf } from "./RunTable";
import { STEP_STATE } from "./stepStates";

interface InstanceCanvasProps {
  instance: InstanceDetail;
  /** Id of the step whose runs are shown. */
  selected: string | undefined;
  onSelect: (step: string) => void;
}

/** The steps of an instance as it goes through them: what became of each, where it is, and which way it came. */
export function InstanceCanvas({ instance, selected, onSelect }: InstanceCanvasProps) {
  const { definition, runs, current } = instance;
  const graph = useMemo(() => graphOf(flowOf(definition.steps)), [definition]);
  const layout = useMemo(() => layoutOf(graph), [graph]);
  const bounds = useMemo(() => boundsOf(graph, layout), [graph, layout]);
  const progress = useMemo(() => progressOf(runs, typesOf(definition.steps)), [runs, definition]);
  const taken = useMemo(() => takenRoutes(graph, instance), [graph, instance]);
  const routes = useMemo(
    () =>
      drawnRoutes(graph, layout, { focusable: false }).map(
        (route): DrawnRoute => ({
          ...route,
          className: taken.has(route.id) ? classes.taken : classes.open,
          ...(taken.has(route.id) ? { zIndex: 2 } : {}),
        }),
      ),
    [graph, layout, taken],
  );
  const nodes = useMemo(
    () =>
      drawnNodes(graph, layout, { decorate: ({ id }) => decorationOf(progress.get(id)) }).map(
        (node): DrawnNode => {
          if (!("flow" in node.data)) {
            return node;
          }
          const { id } = node.data.flow;
          return {
            ...node,
            selected: id === selected,
            ...(current.includes(id) ? { className: classes.current } : {}),
          } as DrawnNode;
        },
      ),
    [graph, layout, progress, selected, current],
  );
  const idOf = (key: string | undefined) => graph.steps.find((step) => step.key === key)?.id;
  const keyOf = (step: string | undefined) => graph.steps.find(({ id }) => id === step)?.key;
  const choose = (key: string | undefined) => {
    const id = idOf(key);
    if (id !== undefined) {
      onSelect(id);
    }
  };
  const moved = useRef(false);
  const followed = current[0] ?? (instance.ended_at ? undefined : runs.at(-1)?.step);
  return (
    <div className={classes.frame}>
      <ReactFlowProvider>
        <FlowFrame
          aria-label="Steps and how far it is"
          nodes={nodes}
          edges={routes}
          fitView={false}
          nodesDraggable={false}
          nodesConnectable={false}
          edgesFocusable={false}
          onMoveStart={(event) => {
            if (event) {
              moved.current = true;
            }
          }}
          onNodeClick={(_, { id }) => choose(id)}
          onKeyDown={(event) => {
            const key = event.key === "Enter" || event.key === " " ? focusedNode(event.target) : undefined;
            if (key !== undefined) {
              event.preventDefault();
              choose(key);
            }
          }}
        >
          <Follow bounds={bounds} current={keyOf(followed)} selected={keyOf(selected)} moved={moved} />
        </FlowFrame>
      </ReactFlowProvider>
    </div>
  );
}

function decorationOf(progress: StepProgress | undefined): StepDecoration {
  if (!progress) {
    return { dim: true, words: "not reached" };
  }
  const { state, run, runs } = progress;
  const { tone, label, icon } = STEP_STATE[state];
  return {
    tone,
    words: [label, ...(runs > 1 ? [`${runs} runs`] : [])].join(", "),
    badge: (
      <>
        {runs > 1 && <span className={classes.runs}>×{runs}</span>}
        <Pill tone={tone} icon={icon} spin={state === "running"} title={label}>
          <Took from={run.began_at} to={run.ended_at} />
        </Pill>
      </>
    ),
  };
}

/** Smaller than this it is hard to read. */
const READABLE = 0.7;
const CLOSE = 0.9;
const MOVE_MS = 300;

interface FollowProps {
  /** Everything that is drawn. */
  bounds: Box;
  /** Key of the step where the instance is. */
  current: string | undefined;
  /** Key of the step whose runs are looked at. */
  selected: string | undefined;
  /** Whether somebody moved the drawing themselves. */
  moved: RefObject<boolean>;
}

/** Shows the whole at first; then what is chosen, and the step that runs until somebody moves the drawing. */
function Follow({ bounds, current, selected, moved }: FollowProps) {
  const flow = useReactFlow();
  const store = useStoreApi();
  const width = useStore((state) => state.width);
  const begun = useRef(false);
  useEffect(() => {
    if (!flow.viewportInitialized || width === 0) {
      return;
    }
    const view = store.getState();
    if (!begun.current) {
      begun.current = true;
      const { maxZoom, padding } = FIT;
      void flow.setViewport(getViewportForBounds(bounds, width, view.height, view.minZoom, maxZoom, padding));
    }
    const node = selected ?? (moved.current ? undefined : current);
    const inner = node === undefined ? undefined : flow.getInternalNode(node);
    if (inner) {
      const { x, y } = inner.internals.positionAbsolute;
      const box = { x, y, width: inner.width ?? 0, height: inner.height ?? 0 };
      const { zoom } = flow.getViewport();
      if (!isShown(box, { ...store.getState(), width }) || (selected === undefined && zoom < READABLE)) {
        const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
        void flow.setCenter(x + box.width / 2, y + box.height / 2, {
          zoom: Math.max(zoom, CLOSE),
          duration: still ? 0 : MOVE_MS,
        });
      }
    }
  }, [flow, store, width, bounds, current, selected, moved]);
  return null;
}

/** Of all that stands in no other node. */
function boundsOf({ nodes }: Graph, { boxes }: Layout): Box {
  const outer = nodes.flatMap(({ key, parent }) => (parent === undefined ? (boxes.get(key) ?? []) : []));
  const left = Math.min(...outer.map(({ x }) => x));
  const top = Math.min(...outer.map(({ y }) => y));
  return {
    x: left,
    y: top,
    width: Math.max(...outer.map(({ x, width }) => x + width)) - left,
    height: Math.max(...outer.map(({ y, height }) => y + height)) - top,
  };
}

function isShown(box: Box, { transform: [left, top, zoom], width, height }: View): boolean {
  return (
    box.x * zoom + left >= 0 &&
    box.y * zoom + top >= 0 &&
    (box.x + box.width) * zoom + left <= width &&
    (box.y + box.height) * zoom + top <= height
  );
}

interface View {
  /** Left, top, zoom. */
  transform: [number, number, number];
  width: number;
  height: number;
}
