import { ActionIcon, Button, NativeSelect, Switch, TagsInput, TextInput } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconPlus, IconTrash } from "@tabler/icons-react";
import type { ReactNode } from "react";
import type { ParameterType } from "~/api/types";
import { moved } from "~/ui/list";
import { isNumeric, newParameter, type ParameterDraft } from "./definition";
import classes from "./ScriptPage.module.css";

export const PARAMETER_TYPE: Record<ParameterType, string> = {
  string: "Text",
  integer: "Integer",
  number: "Number",
  boolean: "Yes or no",
  choice: "Choice",
  secret: "Secret",
};

const asType = (value: string): ParameterType =>
  (Object.keys(PARAMETER_TYPE) as ParameterType[]).find((type) => type === value) ?? "string";

interface ParametersEditorProps {
  parameters: ParameterDraft[];
  onChange: (parameters: ParameterDraft[]) => void;
  errors: Record<string, string | undefined>;
  /** Instead of variables of the script: where the value of a parameter goes. */
  place?: (parameter: ParameterDraft) => ReactNode;
  /** Instead of those of a script. */
  words?: ParameterWords;
}

export interface ParameterWords {
  intro: string;
  add: string;
  /** What one of them is called, like `Input`. */
  one: string;
  /** How its value is got at. */
  hint: (name: string) => string;
}

const OF_SCRIPT: ParameterWords = {
  intro:
    "Asked for at each run and checked before any job exists. They reach the script as environment variables, never as part of its code.",
  add: "Add a parameter",
  one: "Parameter",
  hint: (name) => `PARAM_${name.toUpperCase()}`,
};

export function ParametersEditor(props: ParametersEditorProps) {
  const { parameters, onChange, errors, place, words = OF_SCRIPT } = props;
  return (
    <div className={classes.rows}>
      <p className="dim">
        {place
          ? "Asked for at each run and checked before any job exists. Each fills one place of the job; what stands there is taken when nothing is given."
          : words.intro}
      </p>
      {parameters.map((parameter, index) => (
        <ParameterRow
          key={parameter.id}
          parameter={parameter}
          place={place}
          words={words}
          error={errors[`definition.parameters.${parameter.name.trim()}`]}
          onChange={(part) =>
            onChange(parameters.map((other) => (other.id === parameter.id ? { ...other, ...part } : other)))
          }
          onRemove={() => onChange(parameters.filter((other) => other.id !== parameter.id))}
          onMove={(step) => onChange(moved(parameters, index, step))}
          first={index === 0}
          last={index === parameters.length - 1}
        />
      ))}
      {errors["definition.parameters"] && (
        <p className="problem" role="alert">
          {errors["definition.parameters"]}
        </p>
      )}
      <div>
        <Button
          variant="default"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => onChange([...parameters, newParameter()])}
        >
          {words.add}
        </Button>
      </div>
    </div>
  );
}

interface ParameterRowProps {
  parameter: ParameterDraft;
  place: ParametersEditorProps["place"];
  words: ParameterWords;
  error: string | undefined;
  onChange: (part: Partial<ParameterDraft>) => void;
  onRemove: () => void;
  onMove: (step: -1 | 1) => void;
  first: boolean;
  last: boolean;
}

function ParameterRow(props: ParameterRowProps) {
  const { parameter, place, words, error, onChange, onRemove, onMove, first, last } = props;
  const name = parameter.name.trim();
  const called = name || `this ${words.one.toLowerCase()}`;
  return (
    <fieldset className={classes.row} aria-label={`${words.one} ${called}`}>
      <div className={classes.rowFields}>
        <TextInput
          size="xs"
          label="Name"
          description={name && !place ? words.hint(name) : undefined}
          spellCheck={false}
          autoCapitalize="off"
          value={parameter.name}
          error={error}
          onChange={(event) => onChange({ name: event.currentTarget.value })}
          inputWrapperOrder={["label", "input", "description", "error"]}
        />
        <NativeSelect
          size="xs"
          label="Type"
          value={parameter.type}
          data={Object.entries(PARAMETER_TYPE).map(([value, label]) => ({ value, label }))}
          onChange={(event) =>
            onChange({ type: asType(event.currentTarget.value), default: "", emptyDefault: false })
          }
        />
        {place?.(parameter)}
        <Default parameter={parameter} onChange={onChange} />
        {parameter.type === "choice" && (
          <TagsInput
            size="xs"
            label="Choices"
            placeholder={parameter.choices.length === 0 ? "Enter adds one" : undefined}
            acceptValueOnBlur
            value={parameter.choices}
            onChange={(choices) => onChange({ choices })}
          />
        )}
        {isNumeric(parameter.type) &&
          (["minimum", "maximum"] as const).map((bound) => (
            <TextInput
              key={bound}
              size="xs"
              label={bound === "minimum" ? "At least" : "At most"}
              inputMode="decimal"
              value={parameter[bound]}
              onChange={(event) => onChange({ [bound]: event.currentTarget.value })}
            />
          ))}
        <TextInput
          size="xs"
          label="Description"
          value={parameter.description}
          onChange={(event) => onChange({ description: event.currentTarget.value })}
        />
        <Switch
          size="xs"
          className={classes.required}
          label="Required"
          checked={parameter.required}
          onChange={(event) => onChange({ required: event.currentTarget.checked })}
        />
      </div>
      <RowButtons called={called} first={first} last={last} onMove={onMove} onRemove={onRemove} />
    </fieldset>
  );
}

function Default({ parameter, onChange }: Pick<ParameterRowProps, "parameter" | "onChange">) {
  const { type } = parameter;
  if (type === "secret") {
    return (
      <TextInput
        size="xs"
        label="Default"
        disabled
        value=""
        placeholder="A secret has none"
        onChange={() => {}}
      />
    );
  }
  if (type === "boolean" || type === "choice") {
    const values = type === "boolean" ? ["true", "false"] : parameter.choices;
    return (
      <NativeSelect
        size="xs"
        label="Default"
        value={parameter.default}
        data={[
          { value: "", label: "None" },
          ...values.map((value) => ({
            value,
            label: type === "boolean" ? (value === "true" ? "Yes" : "No") : value,
          })),
        ]}
        onChange={(event) => onChange({ default: event.currentTarget.value, emptyDefault: false })}
      />
    );
  }
  return (
    <TextInput
      size="xs"
      label="Default"
      placeholder={parameter.emptyDefault ? "an empty text" : "none"}
      inputMode={isNumeric(type) ? "decimal" : undefined}
      value={parameter.default}
      onChange={(event) => onChange({ default: event.currentTarget.value, emptyDefault: false })}
    />
  );
}

interface RowButtonsProps {
  called: string;
  first: boolean;
  last: boolean;
  onMove: (step: -1 | 1) => void;
  onRemove: () => void;
}

/** Up, down and away, for rows whose order matters. */
export function RowButtons({ called, first, last, onMove, onRemove }: RowButtonsProps) {
  const button = { variant: "subtle", color: "gray", size: "sm" } as const;
  return (
    <div className={classes.rowButtons}>
      <ActionIcon {...button} aria-label={`Move ${called} up`} disabled={first} onClick={() => onMove(-1)}>
        <IconArrowUp size={15} aria-hidden />
      </ActionIcon>
      <ActionIcon {...button} aria-label={`Move ${called} down`} disabled={last} onClick={() => onMove(1)}>
        <IconArrowDown size={15} aria-hidden />
      </ActionIcon>
      <ActionIcon {...button} aria-label={`Remove ${called}`} onClick={onRemove}>
        <IconTrash size={15} stroke={1.75} aria-hidden />
      </ActionIcon>
    </div>
  );
}
