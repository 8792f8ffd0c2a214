import { useQuery } from "@tanstack/react-query";
import type { Parameter, WorkflowDetail } from "~/api/types";
import { targetWords } from "~/rooms/agents/targets";
import { workflowOptions, workflowsOptions } from "~/rooms/workflows/api";
import type { SavedActionDraft } from "./draft";
import { type ChosenWork, SavedWorkFields, type WorkFieldsProps, type WorkWords } from "./SavedWorkFields";

export interface ChosenWorkflow extends ChosenWork {
  workflow: WorkflowDetail | undefined;
}

const NONE: Parameter[] = [];

/** What is known of the workflow that a form names. */
export function useChosenWorkflow({ id }: SavedActionDraft): ChosenWorkflow {
  const { data, error, refetch } = useQuery({ ...workflowOptions(id ?? 0), enabled: id !== undefined });
  const workflow = id === undefined ? undefined : data;
  return {
    workflow,
    name: workflow?.name,
    asks: workflow && (workflow.published?.definition.inputs ?? NONE),
    error,
    retry: () => void refetch(),
  };
}

const WORDS: WorkWords = {
  thing: "Workflow",
  things: "workflows",
  description: "The version that is published at each tick.",
  unready: "not published",
  field: "workflow_id",
  empty: "It asks for nothing.",
};

/** Which workflow, and what it is given at each tick. On which hosts is its own. */
export function WorkflowFields(props: WorkFieldsProps & { chosen: ChosenWorkflow }) {
  return <SavedWorkFields {...props} words={WORDS} list={useQuery(workflowsOptions)} />;
}

/** Steps that name hosts of their own keep them in any case. */
export function ownHostsWords({ workflow }: ChosenWorkflow): string {
  if (!workflow) {
    return "Those that the workflow names.";
  }
  const hosts = workflow.published?.definition.hosts;
  return hosts
    ? `${targetWords(hosts)}, unless a step names others.`
    : "It names no hosts. Steps that need some and name none themselves fail: choose others, unless all of its steps name their own.";
}
