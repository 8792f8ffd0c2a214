import { ActionIcon, Button, NativeSelect, SegmentedControl, Textarea, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useRef } from "react";
import { KeyValueEditor } from "~/ui/KeyValueEditor";
import { argument, type Draft, splitArguments, type WorkKind } from "./draft";
import type { RunErrors } from "./RunForm";
import classes from "./RunForm.module.css";
import { LANGUAGE } from "./words";

interface WorkFieldsProps {
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
  errors: RunErrors;
}

export function WorkFields(props: WorkFieldsProps) {
  const { draft, onChange, errors } = props;
  return (
    <div className={classes.work}>
      <div>
        <SegmentedControl
          size="xs"
          aria-label="Type"
          value={draft.kind}
          onChange={(kind) => onChange({ kind: asKind(kind) })}
          data={[
            { value: "script", label: "Script" },
            { value: "command", label: "Command" },
            { value: "shell", label: "Shell line" },
          ]}
        />
      </div>
      {draft.kind === "script" && <ScriptFields {...props} />}
      {draft.kind === "command" && <ArgumentFields {...props} />}
      {draft.kind === "shell" && (
        <TextInput
          className={classes.mono}
          label="Line"
          description="Handed to /bin/sh -c as it is: pipes, variables and patterns work, and so do their surprises."
          placeholder="df -h | sort -k5"
          value={draft.line}
          error={errors["payload.argv"]}
          spellCheck={false}
          onChange={(event) => onChange({ line: event.currentTarget.value })}
        />
      )}
    </div>
  );
}

const asKind = (value: string): WorkKind => (value === "command" || value === "shell" ? value : "script");

function ScriptFields({ draft, onChange, errors }: WorkFieldsProps) {
  return (
    <>
      <NativeSelect
        label="Language"
        w={180}
        value={draft.language}
        error={errors["payload.language"]}
        onChange={(event) => {
          const chosen = event.currentTarget.value;
          if (chosen === "bash" || chosen === "python" || chosen === "powershell") {
            onChange({ language: chosen });
          }
        }}
        data={Object.entries(LANGUAGE).map(([value, { label }]) => ({ value, label }))}
      />
      <Textarea
        className={classes.mono}
        label="Code"
        autosize
        minRows={8}
        maxRows={30}
        spellCheck={false}
        autoCapitalize="off"
        autoCorrect="off"
        value={draft.content}
        error={errors["payload.content"]}
        onChange={(event) => onChange({ content: event.currentTarget.value })}
      />
      <KeyValueEditor
        label="Parameters"
        description="Reach the script as environment variables, never as part of its code."
        keyLabel="Name"
        addLabel="Add a parameter"
        pairs={draft.parameters}
        onChange={(parameters) => onChange({ parameters })}
        error={errors["payload.parameters"]}
        keyHint={(key) => (key.trim() === "" ? undefined : `PARAM_${key.trim().toUpperCase()}`)}
      />
    </>
  );
}

/** The program and its arguments, one field each: nothing is split, expanded or quoted on the way. */
function ArgumentFields({ draft, onChange, errors }: WorkFieldsProps) {
  const list = useRef<HTMLFieldSetElement>(null);
  const all = draft.arguments;
  const first = all[0]?.text ?? "";
  const parts = all.length === 1 && /\s/.test(first.trim()) ? splitArguments(first) : [];
  const focus = (index: number) =>
    requestAnimationFrame(() => list.current?.querySelectorAll<HTMLInputElement>("input")[index]?.focus());
  const insert = (index: number) => {
    onChange({ arguments: [...all.slice(0, index), argument(""), ...all.slice(index)] });
    focus(index);
  };
  return (
    <fieldset ref={list} className={classes.fieldset}>
      <legend className={classes.label}>Program and arguments</legend>
      <div className={classes.description}>
        One field each; spaces and special characters stay as they are. Enter adds the next.
      </div>
      {all.map((one, index) => (
        <div key={one.id} className={classes.argument}>
          <TextInput
            className={classes.mono}
            aria-label={index === 0 ? "Program" : `Argument ${index}`}
            placeholder={index === 0 ? "program, like systemctl" : "argument"}
            spellCheck={false}
            autoCapitalize="off"
            value={one.text}
            onChange={(event) => {
              const text = event.currentTarget.value;
              onChange({ arguments: all.map((other) => (other.id === one.id ? { ...other, text } : other)) });
            }}
            onKeyDown={(event) => {
              if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
                event.preventDefault();
                insert(index + 1);
              } else if (event.key === "Backspace" && one.text === "" && all.length > 1) {
                event.preventDefault();
                onChange({ arguments: all.filter((other) => other.id !== one.id) });
                focus(Math.max(0, index - 1));
              }
            }}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            aria-label={index === 0 ? "Remove the program" : `Remove argument ${index}`}
            disabled={all.length === 1}
            onClick={() => onChange({ arguments: all.filter((other) => other.id !== one.id) })}
          >
            <IconTrash size={15} stroke={1.75} aria-hidden />
          </ActionIcon>
        </div>
      ))}
      {errors["payload.argv"] && (
        <div className={classes.error} role="alert">
          {errors["payload.argv"]}
        </div>
      )}
      <Button
        variant="subtle"
        size="compact-xs"
        leftSection={<IconPlus size={14} aria-hidden />}
        onClick={() => insert(all.length)}
      >
        Add an argument
      </Button>
      {parts.length > 1 && (
        <Button
          variant="subtle"
          size="compact-xs"
          onClick={() => onChange({ arguments: parts.map(argument) })}
        >
          Split into {parts.length} arguments
        </Button>
      )}
    </fieldset>
  );
}
