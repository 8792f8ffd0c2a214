import { Select } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Parameter } from "~/api/types";
import form from "~/rooms/jobs/RunForm.module.css";
import { KeptParameterInputs } from "~/rooms/scripts/KeptParameterInputs";
import { textsOf } from "~/rooms/scripts/saved/draft";
import { ErrorState, LoadingLines } from "~/ui/states";
import { emptySavedAction, type SavedActionDraft } from "./draft";

/** What is known of the saved thing that a form names. */
export interface ChosenWork {
  name: string | undefined;
  /** Of the version that runs; absent while they are not known. */
  asks: Parameter[] | undefined;
  error: unknown;
  retry: () => void;
}

/** What a form for one kind of saved work says. */
export interface WorkWords {
  /** As in "Action". */
  thing: string;
  /** As in "actions". */
  things: string;
  description: string;
  /** Behind the name of one that has no version to run. */
  unready: string;
  /** As the server names it in its errors. */
  field: string;
  /** Where it asks for nothing. */
  empty: string;
}

export interface WorkFieldsProps {
  draft: SavedActionDraft;
  onChange: (draft: SavedActionDraft) => void;
  /** Names of the secrets that the server has. */
  kept: string[];
  errors: Record<string, string | undefined>;
}

interface SavedWorkFieldsProps extends WorkFieldsProps {
  words: WorkWords;
  list: UseQueryResult<{ id: number; name: string; version?: number | null | undefined }[]>;
  chosen: ChosenWork;
  /** What else there is to say of the chosen one. */
  children?: ReactNode;
}

/** Which saved thing runs at each tick, and what it is given. */
export function SavedWorkFields({
  words,
  list,
  chosen,
  draft,
  onChange,
  kept,
  errors,
  children,
}: SavedWorkFieldsProps) {
  const names = (list.data ?? []).map(({ id, name, version }) => ({
    value: String(id),
    label: version ? name : `${name} (${words.unready})`,
    disabled: !version,
  }));
  if (draft.id !== undefined && !names.some(({ value }) => value === String(draft.id))) {
    const label = chosen.name ?? `${words.thing} ${draft.id}`;
    names.push({ value: String(draft.id), label, disabled: false });
  }
  const unread = list.error ? `The ${words.things} could not be loaded` : undefined;
  return (
    <>
      <div className={form.fields}>
        <Select
          label={words.thing}
          description={words.description}
          inputWrapperOrder={["label", "input", "description", "error"]}
          placeholder={list.isPending ? "Loading…" : "Type to search by name"}
          required
          searchable
          allowDeselect={false}
          maxDropdownHeight={280}
          data={names}
          value={draft.id === undefined ? null : String(draft.id)}
          error={errors[words.field] ?? unread}
          nothingFoundMessage={`No ${words.thing.toLowerCase()} has this in its name`}
          onChange={(id) => id && id !== String(draft.id) && onChange(emptySavedAction(Number(id)))}
        />
      </div>
      {draft.id !== undefined &&
        (chosen.error ? (
          <ErrorState error={chosen.error} onRetry={chosen.retry} />
        ) : chosen.asks ? (
          <>
            <KeptParameterInputs
              parameters={chosen.asks}
              kept={kept}
              texts={textsOf(draft, chosen.asks)}
              onChange={(texts) => onChange({ ...draft, texts })}
              errors={errors}
              empty={words.empty}
            />
            {children}
          </>
        ) : (
          <LoadingLines lines={3} />
        ))}
    </>
  );
}
