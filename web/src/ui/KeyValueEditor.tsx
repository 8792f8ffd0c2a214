import { ActionIcon, Button, Textarea, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useId, useRef } from "react";
import classes from "./KeyValueEditor.module.css";

export interface Pair {
  id: number;
  key: string;
  value: string;
}

interface KeyValueEditorProps {
  label: string;
  description?: string;
  pairs: Pair[];
  onChange: (pairs: Pair[]) => void;
  keyLabel: string;
  addLabel: string;
  error?: string | undefined;
  /** What is wrong with the value of one key. */
  errorAt?: ((key: string) => string | undefined) | undefined;
  keyHint?: (key: string) => string | undefined;
  /** The values are not shown while they are typed. */
  secret?: boolean;
}

let nextId = 1;

export function toPairs(record: Record<string, string>): Pair[] {
  return Object.entries(record).map(([key, value]) => ({ id: nextId++, key, value }));
}

/** Rows without a key are not there yet. Later rows win over earlier ones with the same key. */
export function fromPairs(pairs: Pair[]): Record<string, string> {
  return Object.fromEntries(
    pairs.filter((pair) => pair.key.trim() !== "").map((pair) => [pair.key.trim(), pair.value]),
  );
}

export function KeyValueEditor(props: KeyValueEditorProps) {
  const { label, description, pairs, onChange, keyLabel, addLabel, error, errorAt, keyHint, secret } = props;
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const change = (changed: Pair) => onChange(pairs.map((pair) => (pair.id === changed.id ? changed : pair)));
  const add = () => {
    onChange([...pairs, { id: nextId++, key: "", value: "" }]);
    requestAnimationFrame(() => {
      const inputs = list.current?.querySelectorAll<HTMLInputElement>("input[data-key]");
      inputs?.[inputs.length - 1]?.focus();
    });
  };
  return (
    <div role="group" aria-labelledby={id} ref={list}>
      <div className={classes.label} id={id}>
        {label}
      </div>
      {description && <div className={classes.description}>{description}</div>}
      {pairs.map((pair) => (
        <div key={pair.id} className={classes.row}>
          <TextInput
            size="xs"
            data-key
            aria-label={keyLabel}
            placeholder={keyLabel.toLowerCase()}
            value={pair.key}
            onChange={(event) => change({ ...pair, key: event.currentTarget.value })}
            description={keyHint?.(pair.key)}
          />
          <ValueInput
            name={pair.key || "this row"}
            value={pair.value}
            error={errorAt?.(pair.key) !== undefined}
            secret={secret}
            onChange={(value) => change({ ...pair, value })}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Remove ${pair.key || "this row"}`}
            onClick={() => onChange(pairs.filter((other) => other.id !== pair.id))}
          >
            <IconTrash size={15} stroke={1.75} aria-hidden />
          </ActionIcon>
          {errorAt?.(pair.key) && (
            <div className={classes.error} data-row role="alert">
              {errorAt(pair.key)}
            </div>
          )}
        </div>
      ))}
      {error && (
        <div className={classes.error} role="alert">
          {error}
        </div>
      )}
      <Button
        variant="subtle"
        size="compact-xs"
        leftSection={<IconPlus size={14} aria-hidden />}
        onClick={add}
      >
        {addLabel}
      </Button>
    </div>
  );
}

interface ValueInputProps {
  name: string;
  value: string;
  error: boolean;
  secret: boolean | undefined;
  onChange: (value: string) => void;
}

/** An input of one line would drop the ends of lines in a text that has some. */
function ValueInput({ name, value, error, secret, onChange }: ValueInputProps) {
  const shared = { size: "xs", "aria-label": `Value of ${name}`, placeholder: "value", value, error };
  return value.includes("\n") && !secret ? (
    <Textarea {...shared} autosize maxRows={8} onChange={(event) => onChange(event.currentTarget.value)} />
  ) : (
    <TextInput
      {...shared}
      type={secret ? "password" : undefined}
      autoComplete={secret ? "new-password" : "off"}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
