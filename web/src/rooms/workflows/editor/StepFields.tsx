import { Button, JsonInput, NativeSelect, NumberInput, Switch, TagsInput } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import { deepEqual, isRecord } from "../graph/values";
import classes from "./editor.module.css";
import { useStepForm } from "./formContext";
import type { Field, Part } from "./forms";
import { PairsField } from "./PairsField";
import {
  ApproversField,
  BranchesField,
  CommandFields,
  ContinueOnField,
  HostsField,
  RetriesField,
} from "./parts";
import { ActionFields, ScriptFields, WorkflowFields } from "./SavedFields";
import { VariableInput } from "./VariableInput";

export function StepField({ field }: { field: Field }) {
  const { fields } = useStepForm();
  const value = fields[field.name];
  if (field.input !== "part" && value !== undefined && value !== null && !isShown(field, value)) {
    return <Unshown label={field.label} name={field.name} />;
  }
  return <Input field={field} value={value ?? undefined} />;
}

/** A field whose value the form has no input for: nothing of it is lost, and the code shows it. */
export function Unshown({ label, name }: { label: string; name: string }) {
  const { toCode } = useStepForm();
  return (
    <div className={classes.unshown}>
      <span>
        <strong>{label}</strong> says something that this form cannot show.
      </span>
      <Button variant="subtle" size="compact-xs" onClick={() => toCode(name)}>
        Edit in Code
      </Button>
    </div>
  );
}

function isShown(field: Field, value: unknown): boolean {
  switch (field.input) {
    case "text":
    case "choice":
      return typeof value === "string";
    case "number":
      return typeof value === "number";
    case "switch":
      return typeof value === "boolean";
    case "tags":
      return (
        Array.isArray(value) && value.every((entry) => typeof entry === (field.numbers ? "number" : "string"))
      );
    case "pairs":
      return (
        isRecord(value) && Object.values(value).every((entry) => typeof entry !== "object" || entry === null)
      );
    case "json":
    case "part":
      return true;
  }
}

const INPUT_FIRST: ("label" | "input" | "description" | "error")[] = [
  "label",
  "input",
  "description",
  "error",
];

function Input({ field, value }: { field: Field; value: unknown }): ReactNode {
  const { set, problem, variables } = useStepForm();
  const { name, label, help, placeholder, required } = field;
  const error = problem(name);
  const shared = {
    size: "xs" as const,
    label,
    description: help,
    required,
    error,
    inputWrapperOrder: INPUT_FIRST,
  };
  switch (field.input) {
    case "text":
      return (
        <VariableInput
          label={label}
          help={help}
          placeholder={placeholder}
          required={required}
          error={error}
          kind={field.variables}
          variables={variables}
          lines={field.lines}
          mono={field.mono}
          value={typeof value === "string" ? value : ""}
          onChange={(text) => set(name, text === "" && !required ? undefined : text)}
        />
      );
    case "number":
      return (
        <NumberInput
          {...shared}
          placeholder={placeholder}
          min={field.least}
          max={field.most}
          clampBehavior="none"
          allowDecimal={false}
          value={typeof value === "number" ? value : ""}
          onChange={(number) => set(name, typeof number === "number" ? number : undefined)}
        />
      );
    case "switch":
      return (
        <Switch
          size="xs"
          label={label}
          description={help}
          error={error}
          checked={value === true}
          onChange={(event) => set(name, event.currentTarget.checked ? true : undefined)}
        />
      );
    case "choice":
      return (
        <NativeSelect
          {...shared}
          value={typeof value === "string" ? value : (field.usual ?? "")}
          data={withOther(field.options, value)}
          onChange={({ currentTarget: { value: chosen } }) =>
            set(name, chosen === field.usual && value === undefined ? undefined : chosen)
          }
        />
      );
    case "tags":
      return (
        <TagsInput
          {...shared}
          placeholder={value === undefined ? placeholder : undefined}
          splitChars={[",", " "]}
          acceptValueOnBlur
          value={Array.isArray(value) ? value.map(String) : []}
          onChange={(tags) =>
            set(name, tags.length === 0 && !required ? undefined : field.numbers ? tags.map(Number) : tags)
          }
        />
      );
    case "pairs":
      return (
        <PairsField
          label={label}
          keyLabel={field.key}
          addLabel={field.add}
          value={isRecord(value) ? value : {}}
          error={error}
          onChange={(record) => set(name, record)}
        />
      );
    case "json":
      return <JsonField field={field} value={value} error={error} />;
    case "part":
      return <PartField part={field.part} />;
  }
}

function withOther(options: { value: string; label: string }[], value: unknown) {
  return typeof value !== "string" || options.some((option) => option.value === value)
    ? options
    : [...options, { value, label: value === "" ? "Choose…" : value }];
}

function PartField({ part }: { part: Part }) {
  switch (part) {
    case "command":
      return <CommandFields />;
    case "script":
      return <ScriptFields />;
    case "action":
      return <ActionFields />;
    case "workflow":
      return <WorkflowFields />;
    case "approvers":
      return <ApproversField />;
    case "branches":
      return <BranchesField />;
    case "hosts":
      return <HostsField />;
    case "retries":
      return <RetriesField />;
    case "continue_on":
      return <ContinueOnField />;
  }
}

interface JsonFieldProps {
  field: Field;
  value: unknown;
  error: string | undefined;
}

/** Text that is no JSON yet stays in the input, and is not written. */
function JsonField({ field: { name, label, help }, value, error }: JsonFieldProps) {
  const { set } = useStepForm();
  const [text, setText] = useState(() => asText(value));
  const read = readJson(text);
  useEffect(() => {
    setText((before) => (deepEqual(readJson(before)?.value, value) ? before : asText(value)));
  }, [value]);
  return (
    <JsonInput
      size="xs"
      label={label}
      description={help}
      inputWrapperOrder={INPUT_FIRST}
      className={classes.mono}
      autosize
      minRows={2}
      maxRows={12}
      value={text}
      error={read === undefined ? "This is no JSON yet" : error}
      onChange={(typed) => {
        setText(typed);
        const now = readJson(typed);
        if (now) {
          set(name, now.value);
        }
      }}
    />
  );
}

const asText = (value: unknown): string => (value === undefined ? "" : JSON.stringify(value, null, 2));

function readJson(text: string): { value: unknown } | undefined {
  if (text.trim() === "") {
    return { value: undefined };
  }
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
