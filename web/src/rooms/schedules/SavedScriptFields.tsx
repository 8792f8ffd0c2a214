import { NativeSelect, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMissing } from "~/app/session";
import form from "~/rooms/jobs/RunForm.module.css";
import { ParameterInputs } from "~/rooms/scripts/ParameterInputs";
import { ErrorState, LoadingLines } from "~/ui/states";
import { scriptsOptions } from "./api";
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
  const reason = useMissing()("scripts.view");
  const scripts = useQuery({ ...scriptsOptions, enabled: reason === undefined });
  const names = (scripts.data ?? []).map(({ id, name }) => ({ value: String(id), label: name }));
  const { script, parameters } = chosen;
  if (draft.id !== undefined && !names.some(({ value }) => value === String(draft.id))) {
    names.push({ value: String(draft.id), label: script?.name ?? `Script ${draft.id}` });
  }
  return (
    <>
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
          onChange={(id) => id && id !== String(draft.id) && onChange(emptyScript(Number(id)))}
        />
        <NativeSelect
          label="Version"
          value={draft.version}
          error={errors["version"]}
          disabled={!script}
          data={[
            { value: "", label: "The newest at each tick" },
            ...Array.from({ length: script?.version ?? 0 }, (_, index) => (script?.version ?? 0) - index).map(
              (number) => ({ value: String(number), label: `Version ${number}` }),
            ),
          ]}
          onChange={(event) => onChange({ ...draft, version: event.currentTarget.value })}
        />
      </div>
      {draft.id !== undefined &&
        (chosen.error ? (
          <ErrorState error={chosen.error} onRetry={chosen.retry} />
        ) : parameters ? (
          <ParameterInputs
            parameters={parameters.map((parameter) =>
              parameter.type === "secret" && kept.includes(parameter.name)
                ? {
                    ...parameter,
                    required: false,
                    description: `${parameter.description ?? ""} Kept; left empty, it stays.`.trim(),
                  }
                : parameter,
            )}
            texts={textsOf(draft, parameters)}
            onChange={(texts) => onChange({ ...draft, texts })}
            errors={errors}
          />
        ) : (
          <LoadingLines lines={3} />
        ))}
    </>
  );
}
