import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ActionDetail, Parameter } from "~/api/types";
import { howFacts } from "~/rooms/jobs/howFacts";
import form from "~/rooms/jobs/RunForm.module.css";
import { actionOptions, actionsOptions } from "~/rooms/scripts/actions/api";
import { KeptParameterInputs } from "~/rooms/scripts/KeptParameterInputs";
import { textsOf } from "~/rooms/scripts/saved/draft";
import { Facts } from "~/ui/Page";
import { ErrorState, LoadingLines } from "~/ui/states";
import { emptySavedAction, type SavedActionDraft } from "./draft";

export interface ChosenAction {
  action: ActionDetail | undefined;
  /** Of the deployed version; absent while they are not known. */
  asks: Parameter[] | undefined;
  error: unknown;
  retry: () => void;
}

/** What is known of the action that a form names. */
export function useChosenAction({ id }: SavedActionDraft): ChosenAction {
  const { data, error, refetch } = useQuery({ ...actionOptions(id ?? 0), enabled: id !== undefined });
  const action = id === undefined ? undefined : data;
  return { action, asks: action?.asks, error, retry: () => void refetch() };
}

interface SavedActionFieldsProps {
  draft: SavedActionDraft;
  onChange: (draft: SavedActionDraft) => void;
  chosen: ChosenAction;
  /** Names of the secrets that the server has. */
  kept: string[];
  errors: Record<string, string | undefined>;
}

/** Which action, and what it is given at each tick. Where and how is its own. */
export function SavedActionFields({ draft, onChange, chosen, kept, errors }: SavedActionFieldsProps) {
  const { action, asks } = chosen;
  const actions = useQuery(actionsOptions);
  const names = (actions.data ?? []).map(({ id, name, version }) => ({
    value: String(id),
    label: version ? name : `${name} (not deployed)`,
    disabled: !version,
  }));
  if (draft.id !== undefined && !names.some(({ value }) => value === String(draft.id))) {
    names.push({
      value: String(draft.id),
      label: action?.name ?? `Action ${draft.id}`,
      disabled: false,
    });
  }
  return (
    <>
      <div className={form.fields}>
        <Select
          label="Action"
          description="The version that is deployed at each tick."
          inputWrapperOrder={["label", "input", "description", "error"]}
          placeholder={actions.isPending ? "Loading…" : "Type to search by name"}
          required
          searchable
          allowDeselect={false}
          maxDropdownHeight={280}
          data={names}
          value={draft.id === undefined ? null : String(draft.id)}
          error={errors["action_id"] ?? (actions.error ? "The actions could not be loaded" : undefined)}
          nothingFoundMessage="No action has this in its name"
          onChange={(id) => id && id !== String(draft.id) && onChange(emptySavedAction(Number(id)))}
        />
      </div>
      {draft.id !== undefined &&
        (chosen.error ? (
          <ErrorState error={chosen.error} onRetry={chosen.retry} />
        ) : action && asks ? (
          <>
            <KeptParameterInputs
              parameters={asks}
              kept={kept}
              texts={textsOf(draft, asks)}
              onChange={(texts) => onChange({ ...draft, texts })}
              errors={errors}
              empty="It asks for nothing: everything is fixed."
            />
            {action.deployed && <Facts facts={howFacts(action.deployed.definition)} />}
          </>
        ) : (
          <LoadingLines lines={3} />
        ))}
    </>
  );
}
