import { ActionIcon, Button, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useEffect, useId, useRef, useState } from "react";
import { deepEqual } from "../graph/values";
import classes from "./editor.module.css";
import { useStepForm } from "./formContext";
import { VariableInput } from "./VariableInput";

interface Row {
  id: number;
  key: string;
  text: string;
}

/** A name that has a row whether something is given for it or not. */
export interface KnownKey {
  name: string;
  help?: string;
  required?: boolean;
}

interface PairsFieldProps {
  label: string;
  keyLabel: string;
  addLabel: string;
  value: Readonly<Record<string, unknown>>;
  known?: readonly KnownKey[];
  error?: string | undefined;
  /** Nothing when there is none left. */
  onChange: (value: Record<string, unknown> | undefined) => void;
}

let nextId = 1;
const rowsOf = (value: PairsFieldProps["value"]): Row[] =>
  Object.entries(value).map(([key, entry]) => ({
    id: nextId++,
    key,
    text: entry === null ? "" : String(entry),
  }));

/** Names and values; the values may hold variables. What is not touched keeps its type. */
export function PairsField(props: PairsFieldProps) {
  const { label, keyLabel, addLabel, value, known = [], error, onChange } = props;
  const { variables } = useStepForm();
  const id = useId();
  const group = useRef<HTMLDivElement>(null);
  const [rows, setRows] = useState(() => rowsOf(value));
  useEffect(() => {
    setRows((before) => (deepEqual(recordOf(before, value), value) ? before : rowsOf(value)));
  }, [value]);

  const change = (next: Row[]) => {
    setRows(next);
    const record = recordOf(next, value);
    if (!deepEqual(record, value)) {
      onChange(Object.keys(record).length > 0 ? record : undefined);
    }
  };
  const setKnown = (key: string, text: string) => {
    const others = rows.filter((row) => row.key !== key);
    const own = rows.find((row) => row.key === key) ?? { id: nextId++, key, text };
    change(
      text === ""
        ? others
        : rows.includes(own)
          ? rows.map((row) => (row === own ? { ...row, text } : row))
          : [...rows, { ...own, text }],
    );
  };
  const add = () => {
    setRows([...rows, { id: nextId++, key: "", text: "" }]);
    requestAnimationFrame(() =>
      [...(group.current?.querySelectorAll<HTMLInputElement>("input[data-key]") ?? [])].at(-1)?.focus(),
    );
  };
  const free = rows.filter(({ key }) => !known.some(({ name }) => name === key));
  return (
    <div role="group" aria-labelledby={id} ref={group} className={classes.pairs}>
      <div className={classes.fieldLabel} id={id}>
        {label}
      </div>
      {known.map(({ name, help, required }) => (
        <VariableInput
          key={name}
          label={name}
          help={help}
          required={required}
          kind="placeholders"
          variables={variables}
          mono
          value={rows.find(({ key }) => key === name)?.text ?? ""}
          onChange={(text) => setKnown(name, text)}
        />
      ))}
      {free.map((row) => (
        <div key={row.id} className={classes.pair}>
          <TextInput
            size="xs"
            data-key
            className={classes.mono}
            aria-label={keyLabel}
            placeholder={keyLabel.toLowerCase()}
            spellCheck={false}
            autoComplete="off"
            value={row.key}
            onChange={({ currentTarget: { value: key } }) =>
              change(rows.map((other) => (other === row ? { ...row, key } : other)))
            }
          />
          <VariableInput
            label={`Value of ${row.key || "this row"}`}
            quiet
            kind="placeholders"
            variables={variables}
            mono
            placeholder="value"
            value={row.text}
            onChange={(text) => change(rows.map((other) => (other === row ? { ...row, text } : other)))}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Remove ${row.key || "this row"}`}
            onClick={() => change(rows.filter((other) => other !== row))}
          >
            <IconTrash size={15} stroke={1.75} aria-hidden />
          </ActionIcon>
        </div>
      ))}
      {error && (
        <p className="problem" role="alert">
          {error}
        </p>
      )}
      <div>
        <Button
          variant="subtle"
          size="compact-xs"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={add}
        >
          {addLabel}
        </Button>
      </div>
    </div>
  );
}

/** Rows without a name are not there yet. */
function recordOf(rows: readonly Row[], before: PairsFieldProps["value"]): Record<string, unknown> {
  return Object.fromEntries(
    rows
      .filter(({ key }) => key.trim() !== "")
      .map(({ key, text }) => [key.trim(), typed(text, before[key.trim()])]),
  );
}

/** Of the type that stood there, as far as the text can be one. */
function typed(text: string, before: unknown): unknown {
  if (before === null) {
    return text === "" ? null : text;
  }
  if (typeof before === "number" && text.trim() !== "" && String(Number(text)) === text) {
    return Number(text);
  }
  return typeof before === "boolean" && (text === "true" || text === "false") ? text === "true" : text;
}
