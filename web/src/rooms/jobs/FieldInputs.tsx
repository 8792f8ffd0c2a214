import { NativeSelect, NumberInput, Switch, TagsInput, Textarea, TextInput } from "@mantine/core";
import { KeyValueEditor } from "~/ui/KeyValueEditor";
import classes from "./RunForm.module.css";
import { type Field, hiddenOf, listOf, pairsOf, shown, textOf, type Value, type Values } from "./work/fields";

interface FieldInputsProps {
  fields: readonly Field[];
  values: Values;
  onChange: (values: Values) => void;
  /** By field of the API: `payload.service`, `secrets.password`. */
  errors: Record<string, string | undefined>;
}

/** Inputs for a list of fields; those that make no sense for what is chosen are not there. */
export function FieldInputs({ fields, values, onChange, errors }: FieldInputsProps) {
  return (
    <div className={classes.fields}>
      {shown(fields, values).map((field) => (
        <div key={field.name} data-wide={field.wide || undefined}>
          <Input
            field={field}
            values={values}
            set={(value) => onChange({ ...values, [field.name]: value })}
            error={
              errors[`payload.${field.name}`] ?? (isSecret(field) ? secretError(field, errors) : undefined)
            }
            secretOf={(key) =>
              hiddenOf(pairsOf(values, field.name)).find((hidden) => hidden.key === key.trim())?.name
            }
            errors={errors}
          />
        </div>
      ))}
    </div>
  );
}

const isSecret = (field: Field) => field.input === "secret" || field.input === "secrets";
const secretError = (field: Field, errors: FieldInputsProps["errors"]) =>
  field.input === "secret" ? errors[`secrets.${field.name}`] : errors["secrets"];

/** Inputs beside each other stand in line whether there is something to explain or not. */
const INPUT_FIRST: ("label" | "input" | "description" | "error")[] = [
  "label",
  "input",
  "description",
  "error",
];

interface InputProps {
  field: Field;
  values: Values;
  set: (value: Value) => void;
  error: string | undefined;
  /** Name of the secret at a key. */
  secretOf: (key: string) => string | undefined;
  errors: FieldInputsProps["errors"];
}

function Input({ field, values, set, error, secretOf, errors }: InputProps) {
  const text = textOf(values, field.name);
  const shared = {
    label: field.label,
    description: field.help,
    placeholder: field.placeholder,
    required: field.required,
    error,
    inputWrapperOrder: INPUT_FIRST,
  };
  switch (field.input) {
    case "text":
      return (
        <TextInput
          {...shared}
          className={field.mono ? classes.mono : undefined}
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          value={text}
          onChange={(event) => set(event.currentTarget.value)}
        />
      );
    case "area":
      return (
        <Textarea
          {...shared}
          className={field.mono ? classes.mono : undefined}
          autosize
          minRows={2}
          maxRows={14}
          spellCheck={false}
          value={text}
          onChange={(event) => set(event.currentTarget.value)}
        />
      );
    case "number":
      return (
        <NumberInput
          {...shared}
          min={field.least}
          max={field.most}
          clampBehavior="none"
          allowDecimal={false}
          value={text}
          onChange={(value) => set(String(value))}
        />
      );
    case "choice":
      return (
        <NativeSelect
          {...shared}
          value={text}
          data={field.options}
          onChange={(event) => set(event.currentTarget.value)}
        />
      );
    case "switch":
      return (
        <Switch
          label={field.label}
          description={field.help}
          error={error}
          checked={values[field.name] === true}
          onChange={(event) => set(event.currentTarget.checked)}
        />
      );
    case "list":
      return (
        <TagsInput
          {...shared}
          placeholder={listOf(values, field.name).length === 0 ? field.placeholder : undefined}
          splitChars={[",", " "]}
          acceptValueOnBlur
          value={listOf(values, field.name)}
          onChange={set}
        />
      );
    case "secret":
      return (
        <TextInput
          {...shared}
          type="password"
          autoComplete="new-password"
          value={text}
          onChange={(event) => set(event.currentTarget.value)}
        />
      );
    case "pairs":
    case "secrets": {
      const secret = field.input === "secrets";
      return (
        <KeyValueEditor
          label={field.label}
          description={field.help}
          keyLabel={field.key}
          addLabel={field.add}
          pairs={pairsOf(values, field.name)}
          onChange={set}
          error={error}
          errorAt={secret ? (key) => errors[`secrets.${secretOf(key)}`] : undefined}
          keyHint={secret ? (key) => secretOf(key) && `secret ${secretOf(key)}` : undefined}
          secret={secret}
        />
      );
    }
  }
}
