import { NativeSelect, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMissing } from "~/app/session";
import form from "~/rooms/jobs/RunForm.module.css";
import { ErrorState, LoadingLines } from "~/ui/states";
import { scriptsOptions } from "../api";
import { KeptParameterInputs } from "../KeptParameterInputs";
import { versionsDown } from "../versions";
import { emptyScript, type SavedScriptDraft, textsOf } from "./draft";
import type { ChosenScript } from "./useChosenScript";

interface SavedScriptFieldsProps {
  draft: SavedScriptDraft;
  onChange: (draft: SavedScriptDraft) => void;
  chosen: ChosenScript;
  /** Names of the secrets that the server has. */
  kept: string[];
  errors: Record<string, string | undefined>;
}

/** Which saved script, which version of it, and its parameters. */
export function SavedScriptFields({ draft, onChange, chosen, kept, errors }: SavedScriptFieldsProps) {
  return (
    <>
      <ScriptChoice
        draft={draft}
        newest="The newest at each tick"
        onScript={(id) => onChange(emptyScript(id))}
        onVersion={(version) => onChange({ ...draft, version })}
        script={chosen.script}
        errors={errors}
      />
      {draft.id !== undefined &&
        (chosen.error ? (
          <ErrorState error={chosen.error} onRetry={chosen.retry} />
        ) : chosen.parameters ? (
          <KeptParameterInputs
            parameters={chosen.parameters}
            kept={kept}
            texts={textsOf(draft, chosen.parameters)}
            onChange={(texts) => onChange({ ...draft, texts })}
            errors={errors}
          />
        ) : (
          <LoadingLines lines={3} />
        ))}
    </>
  );
}

interface ScriptChoiceProps {
  draft: Pick<SavedScriptDraft, "id" | "version">;
  script: ChosenScript["script"];
  /** What no version means. */
  newest: string;
  onScript: (id: number) => void;
  onVersion: (version: string) => void;
  errors: Record<string, string | undefined>;
}

export function ScriptChoice({ draft, script, newest, onScript, onVersion, errors }: ScriptChoiceProps) {
  const reason = useMissing()("scripts.view");
  const scripts = useQuery({ ...scriptsOptions, enabled: reason === undefined });
  const names = (scripts.data ?? []).map(({ id, name }) => ({ value: String(id), label: name }));
  if (draft.id !== undefined && !names.some(({ value }) => value === String(draft.id))) {
    names.push({ value: String(draft.id), label: script?.name ?? `Script ${draft.id}` });
  }
  return (
    <div className={form.fields}>
      <Select
        label="Script"
        placeholder={reason ?? (scripts.isPending ? "Loading…" : "Type to search by name")}
        required
        searchable
        allowDeselect={false}
        disabled={reason !== undefined}
        maxDropdownHeight={280}
        data={names}
        value={draft.id === undefined ? null : String(draft.id)}
        error={errors["script_id"] ?? (scripts.error ? "The scripts could not be loaded" : undefined)}
        nothingFoundMessage="No script has this in its name"
        onChange={(id) => id && id !== String(draft.id) && onScript(Number(id))}
      />
      <NativeSelect
        label="Version"
        value={draft.version}
        error={errors["version"]}
        disabled={!script}
        data={[
          { value: "", label: newest },
          ...versionsDown(script?.version ?? 0).map((number) => ({
            value: String(number),
            label: `Version ${number}`,
          })),
        ]}
        onChange={(event) => onVersion(event.currentTarget.value)}
      />
    </div>
  );
}
