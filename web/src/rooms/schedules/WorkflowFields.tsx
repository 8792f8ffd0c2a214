import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Parameter, WorkflowDetail } from "~/api/types";
import { targetWords } from "~/rooms/agents/targets";
import form from "~/rooms/jobs/RunForm.module.css";
import { KeptParameterInputs } from "~/rooms/scripts/KeptParameterInputs";
import { textsOf } from "~/rooms/scripts/saved/draft";
import { workflowOptions, workflowsOptions } from "~/rooms/workflows/api";
import { ErrorState, LoadingLines } from "~/ui/states";
import { emptySavedAction, type SavedActionDraft } from "./draft";

export interface ChosenWorkflow {
  workflow: WorkflowDetail | undefined;
  /** Of the published version; absent while they are not known. */
  inputs: Parameter[] | undefined;
  error: unknown;
  retry: () => void;
}

const NONE: Parameter[] = [];

/** What is known of the workflow that a form names. */
export function useChosenWorkflow({ id }: SavedActionDraft): ChosenWorkflow {
  const { data, error, refetch } = useQuery({ ...workflowOptions(id ?? 0), enabled: id !== undefined });
  const workflow = id === undefined ? undefined : data;
  return {
    workflow,
    inputs: workflow && (workflow.published?.definition.inputs ?? NONE),
    error,
    retry: () => void refetch(),
  };
}

interface WorkflowFieldsProps {
  draft: SavedActionDraft;
  onChange: (draft: SavedActionDraft) => void;
  chosen: ChosenWorkflow;
  /** Names of the secrets that the server has. */
  kept: string[];
  errors: Record<string, string | undefined>;
}

/** Which workflow, and what it is given at each tick. On which hosts is its own. */
export function WorkflowFields({ draft, onChange, chosen, kept, errors }: WorkflowFieldsProps) {
  const { workflow, inputs } = chosen;
  const workflows = useQuery(workflowsOptions);
  const names = (workflows.data ?? []).map(({ id, name, version }) => ({
    value: String(id),
    label: version ? name : `${name} (not published)`,
    disabled: !version,
  }));
  if (draft.id !== undefined && !names.some(({ value }) => value === String(draft.id))) {
    names.push({
      value: String(draft.id),
      label: workflow?.name ?? `Workflow ${draft.id}`,
      disabled: false,
    });
  }
  return (
    <>
      <div className={form.fields}>
        <Select
          label="Workflow"
          description="The version that is published at each tick."
          inputWrapperOrder={["label", "input", "description", "error"]}
          placeholder={workflows.isPending ? "Loading…" : "Type to search by name"}
          required
          searchable
          allowDeselect={false}
          maxDropdownHeight={280}
          data={names}
          value={draft.id === undefined ? null : String(draft.id)}
          error={errors["workflow_id"] ?? (workflows.error ? "The workflows could not be loaded" : undefined)}
          nothingFoundMessage="No workflow has this in its name"
          onChange={(id) => id && id !== String(draft.id) && onChange(emptySavedAction(Number(id)))}
        />
      </div>
      {draft.id !== undefined &&
        (chosen.error ? (
          <ErrorState error={chosen.error} onRetry={chosen.retry} />
        ) : workflow && inputs ? (
          <KeptParameterInputs
            parameters={inputs}
            kept={kept}
            texts={textsOf(draft, inputs)}
            onChange={(texts) => onChange({ ...draft, texts })}
            errors={errors}
            empty="It asks for nothing."
          />
        ) : (
          <LoadingLines lines={3} />
        ))}
    </>
  );
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
