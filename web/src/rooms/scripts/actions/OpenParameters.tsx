import { NativeSelect, TextInput } from "@mantine/core";
import { useMemo } from "react";
import type { ParameterDraft } from "../definition";
import { PARAMETER_TYPE, ParametersEditor } from "../ParametersEditor";
import type { ActionDraft } from "./draft";
import { fits, type Place, placesOf } from "./places";

interface OpenParametersProps {
  draft: ActionDraft;
  onChange: (part: Pick<ActionDraft, "parameters" | "places">) => void;
  errors: Record<string, string | undefined>;
}

/** What whoever runs a job is asked for, and where each value goes. */
export function OpenParameters({ draft, onChange, errors }: OpenParametersProps) {
  const { parameters, places } = draft;
  const offered = useMemo(() => placesOf(draft.work), [draft.work]);
  return (
    <ParametersEditor
      parameters={parameters}
      onChange={(changed) => onChange({ parameters: changed, places })}
      errors={errors}
      place={(parameter) => (
        <PlaceSelect
          parameter={parameter}
          places={offered}
          value={places[parameter.id] ?? ""}
          error={errors[`definition.fills.${parameter.name.trim()}`]}
          onChange={(pointer) => onChange({ parameters, places: { ...places, [parameter.id]: pointer } })}
        />
      )}
    />
  );
}

interface PlaceSelectProps {
  parameter: ParameterDraft;
  places: Place[];
  /** A JSON Pointer; empty for none. */
  value: string;
  error: string | undefined;
  onChange: (pointer: string) => void;
}

function PlaceSelect({ parameter: { type }, places, value, error, onChange }: PlaceSelectProps) {
  if (type === "secret") {
    return (
      <TextInput
        size="xs"
        label="Place"
        disabled
        value=""
        placeholder="The secret of its name"
        error={error}
        onChange={() => {}}
      />
    );
  }
  const fitting = places.filter((place) => fits(type, place));
  const known = fitting.some(({ pointer }) => pointer === value);
  return (
    <NativeSelect
      size="xs"
      label="Place"
      value={value}
      error={error}
      description={fitting.length === 0 ? `The job has no place for ${PARAMETER_TYPE[type]}` : undefined}
      inputWrapperOrder={["label", "input", "description", "error"]}
      data={[
        { value: "", label: "Choose…" },
        ...fitting.map(({ pointer, label, now }) => ({
          value: pointer,
          label: now === "" ? label : `${label} (${now})`,
        })),
        ...(value === "" || known ? [] : [{ value, label: value }]),
      ]}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
