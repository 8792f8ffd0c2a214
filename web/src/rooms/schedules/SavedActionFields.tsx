import { useQuery } from "@tanstack/react-query";
import type { ActionDetail } from "~/api/types";
import { howFacts } from "~/rooms/jobs/howFacts";
import { actionOptions, actionsOptions } from "~/rooms/scripts/actions/api";
import { Facts } from "~/ui/Page";
import type { SavedActionDraft } from "./draft";
import { type ChosenWork, SavedWorkFields, type WorkFieldsProps, type WorkWords } from "./SavedWorkFields";

export interface ChosenAction extends ChosenWork {
  action: ActionDetail | undefined;
}

/** What is known of the action that a form names. */
export function useChosenAction({ id }: SavedActionDraft): ChosenAction {
  const { data, error, refetch } = useQuery({ ...actionOptions(id ?? 0), enabled: id !== undefined });
  const action = id === undefined ? undefined : data;
  return { action, name: action?.name, asks: action?.asks, error, retry: () => void refetch() };
}

const WORDS: WorkWords = {
  thing: "Action",
  things: "actions",
  description: "The version that is deployed at each tick.",
  unready: "not deployed",
  field: "action_id",
  empty: "It asks for nothing: everything is fixed.",
};

/** Which action, and what it is given at each tick. Where and how is its own. */
export function SavedActionFields(props: WorkFieldsProps & { chosen: ChosenAction }) {
  const deployed = props.chosen.action?.deployed;
  return (
    <SavedWorkFields {...props} words={WORDS} list={useQuery(actionsOptions)}>
      {deployed && <Facts facts={howFacts(deployed.definition)} />}
    </SavedWorkFields>
  );
}
