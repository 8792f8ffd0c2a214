import {
  ActionIcon,
  Button,
  NativeSelect,
  SegmentedControl,
  Switch,
  Textarea,
  TextInput,
} from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { type KeyboardEvent, useRef } from "react";
import { KeyValueEditor } from "~/ui/KeyValueEditor";
import { TileChoice } from "~/ui/TileChoice";
import { FieldInputs } from "./FieldInputs";
import classes from "./RunForm.module.css";
import { JOB_TYPE, JOB_TYPES, LANGUAGE } from "./words";
import { argument, type PlaceDraft, splitArguments, type WorkDraft } from "./work/draft";
import { FIELDED } from "./work/types";

interface WorkFieldsProps {
  draft: WorkDraft;
  onChange: (part: Partial<WorkDraft>) => void;
  errors: Record<string, string | undefined>;
}

export function WorkFields(props: WorkFieldsProps) {
  const { draft, onChange, errors } = props;
  const { type } = draft;
  return (
    <div className={classes.work}>
      <TileChoice
        label="Type"
        value={type}
        onChange={(chosen) => onChange({ type: chosen })}
        tiles={JOB_TYPES.map((value) => ({ value, ...JOB_TYPE[value] }))}
      />
      <p className={classes.help}>{JOB_TYPE[type].help}</p>
      {type === "script" && <ScriptFields {...props} />}
      {type === "command" && <CommandFields {...props} />}
      {type === "script" || type === "command" ? (
        <PlaceFields {...props} />
      ) : (
        <FieldInputs
          key={type}
          fields={FIELDED[type].fields}
          values={draft.values[type]}
          onChange={(values) => onChange({ values: { ...draft.values, [type]: values } })}
          errors={errors}
        />
      )}
    </div>
  );
}

function CommandFields(props: WorkFieldsProps) {
  const { draft, onChange, errors } = props;
  const { command } = draft;
  return (
    <>
      <div>
        <SegmentedControl
          size="xs"
          aria-label="Form of the command"
          value={command.shell ? "shell" : "arguments"}
          onChange={(form) => onChange({ command: { ...command, shell: form === "shell" } })}
          data={[
            { value: "arguments", label: "Program and arguments" },
            { value: "shell", label: "Shell line" },
          ]}
        />
      </div>
      {command.shell ? (
        <Textarea
          className={classes.mono}
          label="Line"
          autosize
          minRows={1}
          maxRows={14}
          description="Handed to /bin/sh -c as it is: pipes, variables and patterns work, and so do their surprises."
          placeholder="df -h | sort -k5"
          value={command.line}
          error={errors["payload.argv"]}
          spellCheck={false}
          onChange={(event) => onChange({ command: { ...command, line: event.currentTarget.value } })}
        />
      ) : (
        <ArgumentFields {...props} />
      )}
      <KeyValueEditor
        label="Environment"
        description="Variables beside those that every job has."
        keyLabel="Variable"
        addLabel="Add a variable"
        pairs={command.environment}
        onChange={(environment) => onChange({ command: { ...command, environment } })}
        error={errors["payload.environment"]}
        errorAt={(key) => errors[`payload.environment.${key.trim()}`]}
      />
    </>
  );
}

/** Where and as whom commands and scripts run. */
function PlaceFields({ draft, onChange, errors }: WorkFieldsProps) {
  const change = (part: Partial<PlaceDraft>) => onChange({ place: { ...draft.place, ...part } });
  return (
    <div className={classes.how}>
      <TextInput
        label="Folder to start in"
        placeholder="a folder of its own"
        spellCheck={false}
        value={draft.place.folder}
        error={errors["payload.working_directory"]}
        onChange={(event) => change({ folder: event.currentTarget.value })}
      />
      <TextInput
        label="Run as user"
        placeholder="the agent’s own"
        description="A local user; the agent must run as root"
        inputWrapperOrder={["label", "input", "description", "error"]}
        spellCheck={false}
        autoComplete="off"
        value={draft.place.runAsUser}
        error={errors["payload.run_as_user"]}
        onChange={(event) => change({ runAsUser: event.currentTarget.value })}
      />
      <Switch
        className={classes.inline}
        label="Requires elevation"
        description="Refused where the agent does not run as root"
        checked={draft.place.requiresElevation}
        onChange={(event) => change({ requiresElevation: event.currentTarget.checked })}
      />
    </div>
  );
}

function ScriptFields({ draft, onChange, errors }: WorkFieldsProps) {
  const { script } = draft;
  const change = (part: Partial<typeof script>) => onChange({ script: { ...script, ...part } });
  return (
    <>
      <NativeSelect
        label="Language"
        w={180}
        value={script.language}
        error={errors["payload.language"]}
        onChange={(event) => {
          const chosen = event.currentTarget.value;
          if (chosen === "bash" || chosen === "python" || chosen === "powershell") {
            change({ language: chosen });
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
        value={script.content}
        error={errors["payload.content"]}
        onChange={(event) => change({ content: event.currentTarget.value })}
      />
      <KeyValueEditor
        label="Parameters"
        description="Reach the script as environment variables, never as part of its code."
        keyLabel="Name"
        addLabel="Add a parameter"
        pairs={script.parameters}
        onChange={(parameters) => change({ parameters })}
        error={errors["payload.parameters"]}
        keyHint={variable}
      />
      <KeyValueEditor
        label="Secret parameters"
        description="Sealed to the agents, masked in the output and shown nowhere again."
        keyLabel="Secret name"
        addLabel="Add a secret parameter"
        pairs={script.secrets}
        onChange={(secrets) => change({ secrets })}
        error={errors["payload.secrets"] ?? errors["secrets"]}
        errorAt={(key) => errors[`secrets.${key.trim()}`]}
        keyHint={variable}
        secret
      />
    </>
  );
}

const variable = (key: string) => (key.trim() === "" ? undefined : `PARAM_${key.trim().toUpperCase()}`);

/** The program and its arguments, one field each: nothing is split, expanded or quoted on the way. */
function ArgumentFields({ draft, onChange, errors }: WorkFieldsProps) {
  const list = useRef<HTMLFieldSetElement>(null);
  const all = draft.command.arguments;
  const change = (list: typeof all) => onChange({ command: { ...draft.command, arguments: list } });
  const first = all[0]?.text ?? "";
  const parts = all.length === 1 && /\s/.test(first.trim()) ? splitArguments(first) : [];
  const focus = (index: number) =>
    requestAnimationFrame(() =>
      list.current?.querySelectorAll<HTMLElement>("input, textarea")[index]?.focus(),
    );
  const insert = (index: number) => {
    change([...all.slice(0, index), argument(""), ...all.slice(index)]);
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
          <ArgumentInput
            text={one.text}
            index={index}
            onChange={(text) =>
              change(all.map((other) => (other.id === one.id ? { ...other, text } : other)))
            }
            onKeyDown={(event) => {
              if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
                event.preventDefault();
                insert(index + 1);
              } else if (event.key === "Backspace" && one.text === "" && all.length > 1) {
                event.preventDefault();
                change(all.filter((other) => other.id !== one.id));
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
            onClick={() => change(all.filter((other) => other.id !== one.id))}
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
        <Button variant="subtle" size="compact-xs" onClick={() => change(parts.map(argument))}>
          Split into {parts.length} arguments
        </Button>
      )}
    </fieldset>
  );
}

interface ArgumentInputProps {
  text: string;
  index: number;
  onChange: (text: string) => void;
  onKeyDown: (event: KeyboardEvent) => void;
}

/** An input of one line would drop the ends of lines in a text that has some. */
function ArgumentInput({ text, index, onChange, onKeyDown }: ArgumentInputProps) {
  const shared = {
    className: classes.mono,
    "aria-label": index === 0 ? "Program" : `Argument ${index}`,
    placeholder: index === 0 ? "program, like systemctl" : "argument",
    spellCheck: false,
    autoCapitalize: "off",
    value: text,
    onKeyDown,
  };
  return text.includes("\n") ? (
    <Textarea {...shared} autosize maxRows={14} onChange={(event) => onChange(event.currentTarget.value)} />
  ) : (
    <TextInput {...shared} onChange={(event) => onChange(event.currentTarget.value)} />
  );
}
