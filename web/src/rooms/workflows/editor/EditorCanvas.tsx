import {
  type Connection,
  type FinalConnectionState,
  type NodeChange,
  Panel,
  type ReactFlowInstance,
  useReactFlow,
} from "@xyflow/react";
import { type DragEvent, type RefObject, useMemo, useState } from "react";
import { toastRefused } from "~/ui/toast";
import { type DrawnNode, type DrawnRoute, drawnNodes, drawnRoutes, type Mark } from "../graph/elements";
import { FlowFrame } from "../graph/FlowCanvas";
import type { Layout, Point } from "../graph/layout";
import { ENDS, endKey, type Graph, type When } from "../graph/model";
import type { StepType } from "../words";
import classes from "./editor.module.css";
import { DRAGGED } from "./Palette";
import { indexAt, type Spot, type Steps } from "./useSteps";

interface EditorCanvasProps {
  graph: Graph;
  layout: Layout;
  steps: Steps;
  marks: ReadonlyMap<string, Mark[]>;
  /** Places chosen by hand. */
  moved: ReadonlyMap<string, Point>;
  onMoved: (moved: ReadonlyMap<string, Point>) => void;
  dragged: StepType | undefined;
  readOnly: boolean;
  /** What it is drawn in. */
  frame: RefObject<HTMLElement | null>;
}

export function EditorCanvas(props: EditorCanvasProps) {
  const { graph, layout, steps, marks, moved, onMoved, dragged, readOnly, frame } = props;
  const flow = useReactFlow<DrawnNode, DrawnRoute>();
  const [over, setOver] = useState<Spot>();
  const [connecting, setConnecting] = useState(false);
  const { selection, select } = steps;

  const nodes = useMemo(
    () =>
      drawnNodes(graph, layout, {
        moved,
        decorate: ({ key }) => {
          const problems = marks.get(key);
          return problems && { problems };
        },
      }),
    [graph, layout, moved, marks],
  ).map((node) => ({
    ...node,
    selected: selection.steps.has(node.id),
    className: over && "list" in over && isBranchOf(node, over.list) ? classes.dropInto : undefined,
  }));
  const routes = useMemo(
    () =>
      drawnRoutes(graph, layout, {
        moved,
        focusable: true,
        over: over && "route" in over ? over.route : undefined,
      }),
    [graph, layout, moved, over],
  ).map((route) => ({ ...route, selected: route.id === selection.route }));

  const onNodesChange = (changes: NodeChange<DrawnNode>[]) => {
    const places = new Map(moved);
    const chosen = new Set(selection.steps);
    for (const change of changes) {
      if (change.type === "position" && change.position) {
        places.set(change.id, change.position);
      } else if (change.type === "select") {
        chosen[change.selected ? "add" : "delete"](change.id);
      }
    }
    if (changes.some(({ type }) => type === "position")) {
      onMoved(places);
    }
    if (changes.some(({ type }) => type === "select")) {
      select({ steps: chosen, route: chosen.size > 0 ? undefined : selection.route });
    }
  };

  const connect = ({ source, sourceHandle, target }: Connection) =>
    steps.connect(source, asWhen(sourceHandle), target);

  /** Dropped beside the small circle, but on a node or one of the ends at the top: that is meant, too. */
  const onConnectEnd = (event: MouseEvent | TouchEvent, state: FinalConnectionState) => {
    setConnecting(false);
    const from = state.fromHandle;
    if (!from || state.isValid || from.type !== "source") {
      return;
    }
    const point = "changedTouches" in event ? event.changedTouches[0] : event;
    const list = graph.steps.find(({ key }) => key === from.nodeId)?.list ?? "";
    const target = state.toNode?.id ?? targetUnder(point, list);
    if (target && target !== from.nodeId) {
      steps.connect(from.nodeId, asWhen(from.id), target);
    }
  };

  const spotUnder = (event: DragEvent): Spot => {
    const under = document.elementsFromPoint(event.clientX, event.clientY);
    const route = under.map((element) => element.closest<SVGElement>(".react-flow__edge")).find(Boolean);
    const key = route?.dataset["id"];
    if (key) {
      return { route: key };
    }
    const at = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    const list = branchAt(flow, graph, at);
    return list === undefined
      ? { list: graph.root.pointer, index: graph.root.steps.length }
      : { list, index: indexAt(graph, list, middles(flow, graph), at.y) };
  };

  return (
    <FlowFrame
      aria-label="Steps and where they lead"
      onDragOver={(event) => {
        if (dragged && !readOnly) {
          event.preventDefault();
          event.dataTransfer.dropEffect = "copy";
          const spot = spotUnder(event);
          setOver((before) => (JSON.stringify(before) === JSON.stringify(spot) ? before : spot));
        }
      }}
      onDragLeave={() => setOver(undefined)}
      onDrop={(event) => {
        setOver(undefined);
        if (dragged && !readOnly && event.dataTransfer.types.includes(DRAGGED)) {
          event.preventDefault();
          steps.add(dragged, spotUnder(event));
        }
      }}
      nodes={nodes}
      edges={routes}
      onNodesChange={onNodesChange}
      onEdgesChange={(changes) => {
        const chosen = changes.find((change) => change.type === "select" && change.selected);
        const left = changes.some((change) => change.type === "select" && change.id === selection.route);
        if (chosen && "id" in chosen) {
          select({ steps: new Set(), route: chosen.id });
        } else if (left) {
          select({ steps: selection.steps, route: undefined });
        }
      }}
      onInit={(instance) => requestAnimationFrame(() => beginAtTop(instance, frame.current))}
      onPaneClick={() => select({ steps: new Set(), route: undefined })}
      onConnect={connect}
      onConnectStart={() => setConnecting(true)}
      onConnectEnd={onConnectEnd}
      onReconnect={(old, connection) => {
        if (connection.source === old.source && connection.sourceHandle === old.sourceHandle) {
          connect(connection);
        } else {
          toastRefused("The beginning of a route stays", "Draw the other one from its own circle instead.");
        }
      }}
      isValidConnection={({ source, target }) => steps.refusal(source, target) === undefined}
      nodesConnectable={!readOnly}
      nodesDraggable={!readOnly}
      edgesReconnectable={!readOnly}
      connectionRadius={28}
      multiSelectionKeyCode={MORE}
      panActivationKeyCode={null}
    >
      {connecting && (
        <Panel position="top-center" className={classes.ends}>
          {ENDS.map((end) => (
            <span key={end} data-end={end} className={classes.endTarget}>
              {end}
            </span>
          ))}
        </Panel>
      )}
      {graph.root.steps.length === 0 && (
        <Panel position="top-center" className={classes.nothing}>
          There is no step yet: drag one here, or press one of those on the left.
        </Panel>
      )}
    </FlowFrame>
  );
}

const MORE = ["Control", "Meta", "Shift"];

const asWhen = (handle: string | null | undefined): When =>
  (["failure", "true", "false"] as const).find((when) => when === handle) ?? "success";

const isBranchOf = ({ data }: DrawnNode, list: string) =>
  "branch" in data && data.branch.list.pointer === list;

function targetUnder(
  point: { clientX: number; clientY: number } | undefined,
  list: string,
): string | undefined {
  const under = point ? document.elementsFromPoint(point.clientX, point.clientY) : [];
  for (const element of under) {
    const end = element.closest<HTMLElement>("[data-end]");
    const node = element.closest<HTMLElement>(".react-flow__node");
    if (node) {
      return node.classList.contains("react-flow__node-branch") ? undefined : node.dataset["id"];
    }
    const name = ENDS.find((one) => one === end?.dataset["end"]);
    if (name) {
      return endKey(name, list);
    }
  }
  return undefined;
}

/** Small enough to see much, large enough to be read. */
const READABLE = 0.6;
const EDGE = 24;

/** What does not fit in a readable size is seen from its beginning. */
function beginAtTop(flow: ReactFlowInstance<DrawnNode, DrawnRoute>, frame: HTMLElement | null): void {
  if (!frame) {
    return;
  }
  const all = flow.getNodesBounds(flow.getNodes());
  const wide = frame.clientWidth / (all.width + 2 * EDGE);
  const zoom = Math.min(READABLE, wide);
  if (Math.min(wide, frame.clientHeight / (all.height + 2 * EDGE)) < READABLE) {
    const left = (frame.clientWidth - all.width * zoom) / 2 - all.x * zoom;
    void flow.setViewport({ x: left, y: EDGE - all.y * zoom, zoom });
  }
}

/** The steps of the innermost branch around a point. */
function branchAt(
  flow: ReactFlowInstance<DrawnNode, DrawnRoute>,
  graph: Graph,
  at: Point,
): string | undefined {
  const around = graph.nodes.findLast(({ key, branch }) => {
    const node = branch && flow.getInternalNode(key);
    const { x = 0, y = 0 } = node?.internals.positionAbsolute ?? {};
    return (
      node !== undefined &&
      at.x >= x &&
      at.x <= x + (node.width ?? 0) &&
      at.y >= y &&
      at.y <= y + (node.height ?? 0)
    );
  });
  return around?.branch?.list.pointer;
}

/** The heights in the middle of all steps. */
function middles(flow: ReactFlowInstance<DrawnNode, DrawnRoute>, graph: Graph): Map<string, number> {
  return new Map(
    graph.steps.flatMap(({ key }) => {
      const node = flow.getInternalNode(key);
      return node ? [[key, node.internals.positionAbsolute.y + (node.height ?? 0) / 2] as const] : [];
    }),
  );
}
