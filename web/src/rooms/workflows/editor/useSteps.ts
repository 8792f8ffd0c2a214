/** What can be done with the steps in the graph: each act is one change of the text, and says what it did. */
import { useRef, useState } from "react";
import { count } from "~/ui/format";
import { toastRefused } from "~/ui/toast";
import { undoToast } from "~/ui/undoToast";
import { copied, pasted } from "../graph/clipboard";
import {
  allSteps,
  freeId,
  insertOnRoute,
  insertStep,
  isWritten,
  removeSteps,
  renameStep,
  setRoute,
  type Target,
} from "../graph/edits";
import {
  ENDS,
  type End,
  endKey,
  type FlowEdge,
  type FlowStep,
  type Graph,
  listAt,
  type When,
} from "../graph/model";
import type { Readable } from "../graph/parse";
import type { WorkflowEditor } from "../useWorkflowEditor";
import { type StepType, stepTypeWords } from "../words";
import { idOfNew, newStep } from "./templates";

/** Keys of steps, or the key of one route. */
export interface Selection {
  steps: ReadonlySet<string>;
  route: string | undefined;
}

export const NOTHING: Selection = { steps: new Set(), route: undefined };
export const onlyStep = (key: string): Selection => ({ steps: new Set([key]), route: undefined });

/** Where something is put: on a route, or at a place in a list. */
export type Spot = { route: string } | { list: string; index: number };

export interface Steps {
  selection: Selection;
  select: (selection: Selection) => void;
  /** The steps that are selected, in the order of the text. */
  chosen: FlowStep[];
  route: FlowEdge | undefined;
  /** For people who hear the page: what was done last. */
  said: string;
  /** Counts what was added, to be looked at. */
  acts: number;
  add: (type: StepType, spot?: Spot) => void;
  /** Behind the last step of a list. */
  addTo: (type: StepType, list: string) => void;
  connect: (source: string, when: When, target: string) => void;
  /** Why two nodes cannot be connected. */
  refusal: (source: string, target: string) => string | undefined;
  resetRoute: (edge: FlowEdge) => void;
  remove: (steps: readonly FlowStep[]) => void;
  copy: (steps: readonly FlowStep[]) => string;
  paste: (text: string) => void;
  duplicate: (steps: readonly FlowStep[]) => void;
  rename: (step: FlowStep, id: string) => void;
  say: (words: string) => void;
}

export function useSteps(readable: Readable, graph: Graph, editor: WorkflowEditor, readOnly: boolean): Steps {
  const [selection, select] = useState<Selection>(NOTHING);
  const [said, say] = useState("");
  const [acts, setActs] = useState(0);
  const latest = useRef(editor);
  latest.current = editor;
  const chosen = graph.steps.filter(({ key }) => selection.steps.has(key));
  const route = graph.edges.find(({ key }) => key === selection.route);
  const stepAt = (key: string) => graph.steps.find((step) => step.key === key);

  const change = (source: string, words: string) => {
    if (!readOnly) {
      editor.change(source);
      say(words);
    }
  };
  /** Something that takes more away than it seems. */
  const changeWithToast = (source: string, words: string) => {
    if (readOnly) {
      return;
    }
    change(source, words);
    undoToast(`${words}.`, () => {
      if (latest.current.source === source) {
        latest.current.undo();
      } else {
        toastRefused("More was changed since", "Undo takes back one change after the other.");
      }
    });
  };

  /** Behind what is selected, or at the end. */
  const usualSpot = (): Spot => {
    if (route) {
      return { route: route.key };
    }
    const last = chosen.at(-1);
    if (last) {
      const on = last.step.type === "conditional" ? "true" : "success";
      const edge = graph.edges.find(({ source, when }) => source === last.key && when === on);
      return edge ? { route: edge.key } : { list: last.list, index: last.index + 1 };
    }
    return { list: readable.root.pointer, index: readable.root.steps.length };
  };

  const inserted = (fields: Record<string, unknown>, spot: Spot): string => {
    if ("list" in spot) {
      return insertStep(readable, spot.list, spot.index, { value: fields });
    }
    const edge = graph.edges.find(({ key }) => key === spot.route);
    const source = edge && stepAt(edge.source);
    return source && edge.when !== "start"
      ? insertOnRoute(readable, source, edge.when, fields)
      : insertStep(readable, readable.root.pointer, 0, { value: fields });
  };

  const refusal = (source: string, target: string): string | undefined => {
    const from = stepAt(source);
    const to = graph.nodes.find(({ key }) => key === target);
    // An end that nothing leads to yet is not drawn.
    if (from && ENDS.some((end) => endKey(end, from.list) === target)) {
      return undefined;
    }
    if (!from || !to || to.kind === "start" || to.kind === "branch") {
      return "A route leads from a step to a step or an end";
    }
    return from.list === to.list
      ? undefined
      : `${from.id} cannot lead to ${to.flow?.id ?? to.end}: no route leads into a branch or out of it`;
  };

  const pasteAt = (text: string, words: (ids: string[]) => string) => {
    const last = chosen.at(-1);
    const spot = last
      ? { list: last.list, index: last.index + 1 }
      : { list: readable.root.pointer, index: readable.root.steps.length };
    const result = pasted(readable, text, spot.list, spot.index);
    if ("refused" in result) {
      toastRefused("Nothing was pasted", result.refused);
      return;
    }
    change(result.source, words(result.ids));
    select({ steps: new Set(result.ids.map((id) => `step:${id}`)), route: undefined });
    setActs(acts + 1);
  };

  const add = (type: StepType, spot = usualSpot()) => {
    const id = freeId(
      allSteps(readable).map((step) => step.id),
      idOfNew(type),
    );
    change(inserted(newStep(type, id), spot), `${stepTypeWords(type).label} added as ${id}`);
    if (!readOnly) {
      select(onlyStep(`step:${id}`));
      setActs(acts + 1);
    }
  };

  return {
    selection,
    select,
    chosen,
    route,
    said,
    acts,
    say,
    refusal,
    add,
    addTo: (type, list) => add(type, { list, index: listAt(readable.root, list)?.steps.length ?? 0 }),
    connect: (source, when, target) => {
      const from = stepAt(source);
      const refused = refusal(source, target);
      if (!from || refused) {
        toastRefused("They cannot be connected", refused ?? "One of them is gone");
        return;
      }
      const to = targetOf(graph, target);
      change(setRoute(readable, from, when, to.route), `${from.id} leads to ${to.words} on ${when}`);
    },
    resetRoute: (edge) => {
      const from = stepAt(edge.source);
      if (!from || edge.when === "start") {
        return;
      }
      if (!isWritten(readable, from, edge.when)) {
        toastRefused(
          "Nothing was taken away",
          "This is where the list goes on. Lead it to another step or an end instead.",
        );
        return;
      }
      changeWithToast(
        setRoute(readable, from, edge.when, undefined),
        `The ${edge.when} route of ${from.id} is taken away`,
      );
      select(NOTHING);
    },
    remove: (steps) => {
      const { source, routes } = removeSteps(readable, steps);
      const what =
        steps.length === 1
          ? `${steps[0]?.id ?? ""} is deleted`
          : `${count(steps.length, "step")} are deleted`;
      changeWithToast(source, routes > 0 ? `${what}, and ${count(routes, "route")} that led there` : what);
      select(NOTHING);
    },
    copy: (steps) => {
      say(`${count(steps.length, "step")} copied`);
      return copied(readable, steps);
    },
    paste: (text) => pasteAt(text, (ids) => `Pasted: ${ids.join(", ")}`),
    duplicate: (steps) => pasteAt(copied(readable, steps), (ids) => `Duplicated as ${ids.join(", ")}`),
    rename: (step, id) => {
      const { source, places } = renameStep(readable, step, id);
      if (places > 0) {
        changeWithToast(source, `${step.id} is called ${id} now, in ${count(places, "other place")} as well`);
      } else {
        change(source, `${step.id} is called ${id} now`);
      }
      select(onlyStep(`step:${id}`));
    },
  };
}

function targetOf(graph: Graph, key: string): { route: Target; words: string } {
  const end: End | undefined = ENDS.find((one) => key.startsWith(`end:${one}`));
  if (end) {
    return { route: { end }, words: end };
  }
  const id = graph.steps.find((step) => step.key === key)?.id ?? "";
  return { route: { step: id }, words: id };
}

/** The place in a list that is meant by a height: between the steps above and below. */
export function indexAt(graph: Graph, list: string, heights: ReadonlyMap<string, number>, y: number): number {
  const steps = listAt(graph.root, list)?.steps ?? [];
  return steps.filter(({ key }) => (heights.get(key) ?? 0) < y).length;
}
