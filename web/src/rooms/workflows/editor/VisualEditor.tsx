import { ActionIcon, Button, Tooltip } from "@mantine/core";
import {
  IconArrowBackUp,
  IconArrowForwardUp,
  IconClipboard,
  IconLayoutDistributeVertical,
  type TablerIcon,
} from "@tabler/icons-react";
import { ReactFlowProvider, useReactFlow } from "@xyflow/react";
import {
  type ClipboardEvent,
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { Notice } from "~/ui/Notice";
import { toastRefused } from "~/ui/toast";
import type { Mark } from "../graph/elements";
import { FIT, focusedNode } from "../graph/FlowCanvas";
import { layoutOf, type Point } from "../graph/layout";
import { type FlowStep, graphOf } from "../graph/model";
import { parse, type Readable } from "../graph/parse";
import type { WorkflowEditor } from "../useWorkflowEditor";
import type { StepType } from "../words";
import { EditorCanvas } from "./EditorCanvas";
import classes from "./editor.module.css";
import { directionOf, nearest } from "./keys";
import { marksOf } from "./marks";
import { Palette } from "./Palette";
import { ShortcutHelp } from "./ShortcutHelp";
import { SidePanel } from "./SidePanel";
import { NOTHING, onlyStep, useSteps } from "./useSteps";

interface VisualEditorProps {
  editor: WorkflowEditor;
  /** Why nothing can be changed. */
  reason: string | undefined;
  /** Shows a line of the code. */
  onCode: (line: number) => void;
  /** Other ways to look at the steps. */
  views: ReactNode;
  /** Id of a step to be selected. */
  wanted: string | undefined;
  onShown: () => void;
}

/** The draft as a graph. What is done here changes the text of the draft, and what is typed there changes the graph. */
export function VisualEditor(props: VisualEditorProps) {
  const { source } = props.editor;
  const parsed = useMemo(() => parse(source), [source]);
  if ("readable" in parsed) {
    return (
      <ReactFlowProvider>
        <GraphEditor {...props} readable={parsed.readable} />
      </ReactFlowProvider>
    );
  }
  const { message, line } = parsed.unreadable;
  return (
    <div className={classes.unreadable}>
      <div className={classes.tools}>{props.views}</div>
      <Notice tone="warn" role="status" title="The code cannot be shown as a graph">
        <p className={classes.note}>
          {message} (line {line}).
        </p>
        <div className={classes.noticeButtons}>
          <Button variant="default" onClick={() => props.onCode(line)}>
            Show line {line} of the code
          </Button>
          <Tool
            label="Undo"
            icon={IconArrowBackUp}
            disabled={!props.editor.canUndo}
            onClick={props.editor.undo}
          />
        </div>
      </Notice>
    </div>
  );
}

function GraphEditor({
  editor,
  reason,
  onCode,
  views,
  wanted,
  onShown,
  readable,
}: VisualEditorProps & { readable: Readable }) {
  const readOnly = reason !== undefined;
  const graph = useMemo(() => graphOf(readable.root), [readable]);
  const layout = useMemo(() => layoutOf(graph), [graph]);
  const { lastChecked } = editor;
  // What was found may be of the text before: it belongs to the steps as they stood there.
  const marks = useMemo(() => {
    const looked = lastChecked && parse(lastChecked.source);
    return looked && "readable" in looked
      ? marksOf(graphOf(looked.readable.root), lastChecked.problems)
      : NO_MARKS;
  }, [lastChecked]);
  const [moved, setMoved] = useState<ReadonlyMap<string, Point>>(new Map());
  const [dragged, setDragged] = useState<StepType>();
  const root = useRef<HTMLDivElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const panel = useRef<HTMLElement>(null);
  const flow = useReactFlow();
  const steps = useSteps(readable, graph, editor, readOnly);
  const { chosen, route } = steps;

  const focusNode = (key: string) =>
    frame.current?.querySelector<HTMLElement>(`.react-flow__node[data-id="${CSS.escape(key)}"]`)?.focus();
  /** Moves the graph when a step is out of sight. */
  const reveal = (key: string) => {
    const node = flow.getInternalNode(key);
    const box = frame.current?.getBoundingClientRect();
    if (node && box) {
      const { x, y } = node.internals.positionAbsolute;
      const middle = { x: x + (node.width ?? 0) / 2, y: y + 40 };
      const seen = flow.flowToScreenPosition(middle);
      const inside =
        seen.x > box.left + 24 &&
        seen.x < box.right - 24 &&
        seen.y > box.top + 24 &&
        seen.y < box.bottom - 24;
      if (!inside) {
        void flow.setCenter(middle.x, middle.y, { zoom: flow.getZoom() });
      }
    }
  };
  // What was added or pasted is looked at; whoever works with keys goes on from there.
  const { acts } = steps;
  const [first] = chosen;
  const latest = useRef({ first, focusNode, reveal });
  latest.current = { first, focusNode, reveal };
  useEffect(() => {
    const { first: added, reveal: show } = latest.current;
    if (acts === 0 || !added) {
      return;
    }
    // What was chosen in a menu goes with the form it stood in.
    const { activeElement: focused } = document;
    if (frame.current?.contains(focused) || !root.current?.contains(focused)) {
      // React Flow draws it a moment later.
      requestAnimationFrame(() => latest.current.focusNode(added.key));
    }
    show(added.key);
  }, [acts]);
  const { select } = steps;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each that is wanted
  useEffect(() => {
    const found = wanted === undefined ? undefined : graph.steps.find(({ id }) => id === wanted);
    if (found) {
      select(onlyStep(found.key));
      requestAnimationFrame(() => latest.current.focusNode(found.key));
    }
    if (wanted !== undefined) {
      onShown();
    }
  }, [wanted]);
  const openForm = () =>
    requestAnimationFrame(() =>
      panel.current?.querySelector<HTMLElement>("input:not([type=hidden]), textarea, select")?.focus(),
    );
  const arrange = () => {
    setMoved(new Map());
    requestAnimationFrame(() => void flow.fitView({ ...FIT, duration: 0 }));
  };
  const pasteFromClipboard = async () => {
    try {
      steps.paste(await navigator.clipboard.readText());
    } catch {
      toastRefused("The clipboard cannot be read", "Select a step, or click the graph, and press Ctrl+V.");
    }
  };

  const goTo = (from: string, direction: NonNullable<ReturnType<typeof directionOf>>) => {
    const places = new Map(
      graph.steps.flatMap(({ key }) => {
        const node = flow.getInternalNode(key);
        return node
          ? [
              [
                key,
                {
                  x: node.internals.positionAbsolute.x + (node.width ?? 0) / 2,
                  y: node.internals.positionAbsolute.y,
                },
              ] as const,
            ]
          : [];
      }),
    );
    const here = places.get(from);
    places.delete(from);
    const next = here && nearest(here, direction, places);
    if (next) {
      focusNode(next);
    }
  };

  /** What has the focus, and what is selected when that is part of it. */
  const meant = (focused: string | undefined) =>
    focused === undefined || steps.selection.steps.has(focused)
      ? chosen
      : graph.steps.filter(({ key }) => key === focused);

  /** The keys go on working at the step before. */
  const remove = (own: readonly FlowStep[]) => {
    const stays = graph.steps.findLast(
      (step) => step.index < (own[0]?.index ?? 0) && step.list === own[0]?.list && !own.includes(step),
    );
    steps.remove(own);
    requestAnimationFrame(() => (stays ? focusNode(stays.key) : frame.current?.focus()));
  };

  const onCanvasKey = (event: KeyboardEvent) => {
    const key = focusedNode(event.target);
    const edge = focusedRoute(event.target);
    const direction = directionOf(event.key);
    const done = () => {
      event.preventDefault();
      event.stopPropagation();
    };
    if (key !== undefined && direction) {
      done();
      goTo(key, direction);
    } else if (event.key === "Enter" && (key ?? edge) !== undefined) {
      done();
      steps.select(key === undefined ? { steps: new Set(), route: edge } : onlyStep(key));
      openForm();
    } else if (event.key === " " && (key ?? edge) !== undefined) {
      done();
      const others = event.shiftKey ? steps.selection.steps : [];
      steps.select(
        key === undefined
          ? { steps: new Set(), route: edge }
          : { steps: new Set([...others, key]), route: undefined },
      );
    } else if (event.key === "Escape") {
      steps.select(NOTHING);
    } else if ((event.key === "Delete" || event.key === "Backspace") && !readOnly) {
      done();
      const own = edge === undefined ? meant(key) : [];
      const drawn = graph.edges.find((one) => one.key === (edge ?? steps.selection.route));
      if (own.length > 0) {
        remove(own);
      } else if (drawn) {
        steps.resetRoute(drawn);
      }
    } else if ((event.ctrlKey || event.metaKey) && event.key === "a") {
      done();
      steps.select({ steps: new Set(graph.steps.map((step) => step.key)), route: undefined });
    } else if ((event.ctrlKey || event.metaKey) && event.key === "d") {
      done();
      const own = meant(key);
      if (own.length > 0 && !readOnly) {
        steps.duplicate(own);
      }
    }
  };

  const undo = () => {
    steps.say(editor.canUndo ? "Undone" : "There is nothing to undo");
    editor.undo();
  };
  const redo = () => {
    steps.say(editor.canRedo ? "Done again" : "There is nothing to redo");
    editor.redo();
  };
  useEditorKeys(root, { undo, redo });
  // A step that had the focus may be gone, or be called something else: the keys go on working where it was.
  const inGraph = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever other steps are drawn
  useEffect(() => {
    if (inGraph.current && document.activeElement === document.body) {
      frame.current?.focus({ preventScroll: true });
    }
  }, [graph]);
  const onCopy = (event: ClipboardEvent, cut: boolean) => {
    const own = meant(focusedNode(event.target));
    if (own.length === 0 || isText(event.target)) {
      return;
    }
    event.preventDefault();
    event.clipboardData.setData("text/plain", steps.copy(own));
    if (cut && !readOnly) {
      remove(own);
    }
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: only where the focus is
    <div
      ref={root}
      className={classes.editor}
      onFocus={(event) => {
        inGraph.current = frame.current?.contains(event.target) === true;
      }}
    >
      <div className={classes.tools}>
        {views}
        <Tool label="Undo" icon={IconArrowBackUp} disabled={!editor.canUndo || readOnly} onClick={undo} />
        <Tool label="Redo" icon={IconArrowForwardUp} disabled={!editor.canRedo || readOnly} onClick={redo} />
        <Tool
          label="Paste steps"
          icon={IconClipboard}
          disabled={readOnly}
          onClick={() => void pasteFromClipboard()}
        />
        <Button
          variant="default"
          leftSection={<IconLayoutDistributeVertical size={15} stroke={1.75} aria-hidden />}
          onClick={arrange}
        >
          Arrange
        </Button>
        <ShortcutHelp />
        <span className={classes.said} role="status">
          {steps.said}
        </span>
      </div>
      <Palette onAdd={(type) => steps.add(type)} onDrag={setDragged} reason={reason} />
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the keys of the graph */}
      <div
        ref={frame}
        className={classes.frame}
        data-graph
        tabIndex={-1}
        onFocus={(event) => {
          const key = focusedNode(event.target);
          if (key !== undefined) {
            reveal(key);
          }
        }}
        onKeyDown={onCanvasKey}
        onCopy={(event) => onCopy(event, false)}
        onCut={(event) => onCopy(event, true)}
        onPaste={(event) => {
          if (!readOnly && !isText(event.target)) {
            event.preventDefault();
            steps.paste(event.clipboardData.getData("text/plain"));
          }
        }}
      >
        <EditorCanvas
          graph={graph}
          layout={layout}
          steps={steps}
          marks={marks}
          moved={moved}
          onMoved={setMoved}
          dragged={dragged}
          readOnly={readOnly}
          frame={frame}
        />
      </div>
      <SidePanel
        ref={panel}
        readable={readable}
        graph={graph}
        steps={steps}
        marks={marks}
        editor={editor}
        reason={reason}
        onCode={onCode}
        onLeave={() => {
          const key = chosen[0]?.key;
          if (key) {
            focusNode(key);
          } else if (route) {
            steps.select(NOTHING);
          }
        }}
      />
    </div>
  );
}

const NO_MARKS: ReadonlyMap<string, Mark[]> = new Map();

/** Undo and redo, wherever the focus is in the editor, and where nothing has it. */
function useEditorKeys(
  root: RefObject<HTMLElement | null>,
  editor: Pick<WorkflowEditor, "undo" | "redo">,
): void {
  const latest = useRef(editor);
  latest.current = editor;
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent) => {
      const { target } = event;
      const here = target === document.body || (target instanceof Node && root.current?.contains(target));
      if (!here || !(event.ctrlKey || event.metaKey)) {
        return;
      }
      const { undo, redo } = latest.current;
      const pressed = event.key.toLowerCase();
      const act = { z: event.shiftKey ? redo : undo, y: redo }[pressed];
      if (act) {
        event.preventDefault();
        act();
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [root]);
}

interface ToolProps {
  label: string;
  icon: TablerIcon;
  disabled: boolean;
  onClick: () => void;
}

/** It keeps the focus when there is nothing left to do for it. */
function Tool({ label, icon: Icon, disabled, onClick }: ToolProps) {
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="default"
        size="md"
        aria-label={label}
        aria-disabled={disabled || undefined}
        data-disabled={disabled || undefined}
        onClick={() => !disabled && onClick()}
      >
        <Icon size={16} stroke={1.75} aria-hidden />
      </ActionIcon>
    </Tooltip>
  );
}

function focusedRoute(target: EventTarget): string | undefined {
  return target instanceof SVGElement && target.classList.contains("react-flow__edge")
    ? target.dataset["id"]
    : undefined;
}

const isText = (target: EventTarget): boolean =>
  target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
