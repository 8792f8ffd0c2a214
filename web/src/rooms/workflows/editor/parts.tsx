import {
  ActionIcon,
  Button,
  Group,
  Menu,
  Modal,
  NativeSelect,
  NumberInput,
  SegmentedControl,
  Stack,
  Switch,
  TagsInput,
  TextInput,
} from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import type { Targets } from "~/api/types";
import { HostPicker } from "~/rooms/agents/HostPicker";
import { emptyTargets, missingTargets, targetsFrom, targetWords, toTargets } from "~/rooms/agents/targets";
import { ROLE, ROLES } from "~/rooms/identity/words";
import { useUserNames } from "~/rooms/scripts/actions/useUserNames";
import { runnerWords } from "~/rooms/scripts/actions/words";
import { isRecord } from "../graph/values";
import { STEP_TYPE } from "../words";
import classes from "./editor.module.css";
import { useStepForm } from "./formContext";
import { Unshown } from "./StepFields";
import { TYPES } from "./templates";
import { useBranches } from "./useBranches";
import { VariableInput } from "./VariableInput";

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((entry) => typeof entry === "string");

/** One text that is cut into arguments, the arguments themselves, or a text for a shell. */
export function CommandFields() {
  const { fields, set, setSeveral, problem, variables } = useStepForm();
  const { command, argv, shell } = fields;
  const asArguments = argv !== undefined && argv !== null && command === undefined;
  if ((command !== undefined && typeof command !== "string") || (argv !== undefined && !isTexts(argv))) {
    return <Unshown label="Command" name={command !== undefined ? "command" : "argv"} />;
  }
  const given = isTexts(argv) ? argv : [];
  return (
    <>
      <SegmentedControl
        size="xs"
        aria-label="How the command is written"
        value={asArguments ? "argv" : "command"}
        data={[
          { value: "command", label: "As a line" },
          { value: "argv", label: "As arguments" },
        ]}
        onChange={(form) => {
          if (form === "argv" && !asArguments) {
            const words = (command ?? "").split(/\s+/).filter(Boolean);
            setSeveral({ argv: words.length > 0 ? words : [""], command: undefined, shell: undefined });
          } else if (form === "command" && asArguments) {
            setSeveral({ command: given.join(" "), argv: undefined });
          }
        }}
      />
      {asArguments ? (
        <Arguments values={given} onChange={(values) => set("argv", values)} error={problem("argv")} />
      ) : (
        <>
          <VariableInput
            label="Command"
            required
            mono
            lines={2}
            kind={shell === true ? undefined : "placeholders"}
            variables={variables}
            help={
              shell === true
                ? 'For a shell, without placeholders: values come by the environment, as "$NAME".'
                : "Cut into arguments first; a value is always part of one of them."
            }
            error={problem("command")}
            value={command ?? ""}
            onChange={(text) => set("command", text)}
          />
          <Switch
            size="xs"
            label="Run by a shell"
            checked={shell === true}
            error={problem("shell")}
            onChange={(event) => set("shell", event.currentTarget.checked ? true : undefined)}
          />
        </>
      )}
    </>
  );
}

interface ArgumentsProps {
  values: string[];
  onChange: (values: string[]) => void;
  error: string | undefined;
}

function Arguments({ values, onChange, error }: ArgumentsProps) {
  const { variables } = useStepForm();
  return (
    <div role="group" aria-label="Arguments" className={classes.pairs}>
      {values.map((value, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: arguments are told apart by their place
        <div key={index} className={classes.argument}>
          <VariableInput
            label={index === 0 ? "Program" : `Argument ${index}`}
            quiet
            mono
            kind="placeholders"
            variables={variables}
            placeholder={index === 0 ? "program" : "argument"}
            value={value}
            onChange={(text) => onChange(values.with(index, text))}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={index === 0 ? "Remove the program" : `Remove argument ${index}`}
            disabled={values.length === 1}
            onClick={() => onChange(values.toSpliced(index, 1))}
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
          onClick={() => onChange([...values, ""])}
        >
          Add an argument
        </Button>
      </div>
    </div>
  );
}

const KNOWN_TARGETS = ["agents", "all", "departments", "groups", "labels", "organizations", "selector"];

/** Whether the picker can show these hosts. */
export function isTargets(value: unknown): value is Targets {
  return (
    isRecord(value) &&
    Object.entries(value).every(
      ([key, entry]) =>
        KNOWN_TARGETS.includes(key) &&
        (key === "all"
          ? typeof entry === "boolean"
          : key === "selector"
            ? typeof entry === "string"
            : key === "labels"
              ? isRecord(entry)
              : isTexts(entry)),
    )
  );
}

export function HostsField() {
  const { fields, set, problem, readOnly } = useStepForm();
  const { hosts } = fields;
  if (hosts !== undefined && !isTargets(hosts)) {
    return <Unshown label="Hosts" name="hosts" />;
  }
  return (
    <HostsChoice
      hosts={hosts}
      otherwise="Those of the workflow"
      error={problem("hosts")}
      readOnly={readOnly}
      onChange={(targets) => set("hosts", targets)}
    />
  );
}

interface HostsChoiceProps {
  hosts: Targets | undefined;
  /** What holds when none are named. */
  otherwise: string;
  error: string | undefined;
  readOnly: boolean;
  onChange: (hosts: Targets | undefined) => void;
}

export function HostsChoice({ hosts, otherwise, error, readOnly, onChange }: HostsChoiceProps) {
  const [draft, setDraft] = useState(emptyTargets);
  const [opened, setOpened] = useState(false);
  const missing = missingTargets(draft);
  return (
    <div role="group" aria-label="Hosts" className={classes.hosts}>
      <span className={classes.fieldLabel}>Hosts</span>
      <span className={hosts ? classes.words : "dim"}>
        {hosts ? targetWords(byName(hosts)) || "None yet" : otherwise}
      </span>
      {error && (
        <p className="problem" role="alert">
          {error}
        </p>
      )}
      {!readOnly && (
        <Group gap="xs">
          <Button
            variant="default"
            size="compact-xs"
            onClick={() => {
              setDraft(hosts ? targetsFrom(hosts) : emptyTargets());
              setOpened(true);
            }}
          >
            Choose hosts
          </Button>
          {hosts && (
            <Button variant="subtle" size="compact-xs" onClick={() => onChange(undefined)}>
              Name none
            </Button>
          )}
        </Group>
      )}
      <Modal opened={opened} onClose={() => setOpened(false)} title="Choose hosts" size="xl">
        <HostPicker draft={draft} onChange={setDraft} errors={{}} />
        <Stack gap="xs" mt="md">
          {missing && <span className="dim">{missing}.</span>}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={() => setOpened(false)}>
              Keep as it is
            </Button>
            <Button
              disabled={missing !== undefined}
              onClick={() => {
                onChange(toTargets(draft));
                setOpened(false);
              }}
            >
              Take these hosts
            </Button>
          </Group>
        </Stack>
      </Modal>
    </div>
  );
}

const byName = (hosts: Targets): Targets =>
  hosts.agents
    ? {
        ...hosts,
        agents: hosts.agents.toSorted((one, other) => one.localeCompare(other, "en", { numeric: true })),
      }
    : hosts;

export function RetriesField() {
  const { fields, set, problem } = useStepForm();
  const { retries } = fields;
  const shown = isRecord(retries) && Object.values(retries).every((value) => typeof value === "number");
  if (retries !== undefined && !shown) {
    return <Unshown label="Retries" name="retries" />;
  }
  const given: Record<string, unknown> = shown ? retries : {};
  const number = (key: string) => (typeof given[key] === "number" ? given[key] : "");
  const change = (key: string, value: number | string) => {
    const { [key]: _, ...others } = given;
    set("retries", typeof value === "number" ? { ...given, [key]: value } : others);
  };
  return (
    <div role="group" aria-label="Retries" className={classes.three}>
      <NumberInput
        size="xs"
        label="Retries"
        placeholder="none"
        min={0}
        max={10}
        clampBehavior="none"
        allowDecimal={false}
        value={number("count")}
        error={problem("retries")}
        onChange={(value) =>
          typeof value === "number" && value > 0 ? change("count", value) : set("retries", undefined)
        }
      />
      <NumberInput
        size="xs"
        label="After (s)"
        placeholder="0"
        min={0}
        allowDecimal={false}
        disabled={!shown}
        value={number("delay_seconds")}
        onChange={(value) => change("delay_seconds", value)}
      />
      <NumberInput
        size="xs"
        label="Times"
        placeholder="2"
        min={1}
        disabled={!shown}
        value={number("factor")}
        onChange={(value) => change("factor", value)}
      />
    </div>
  );
}

export function ContinueOnField() {
  const { fields, set, problem } = useStepForm();
  const value = fields["continue_on"];
  const percent = isRecord(value) && typeof value["percent"] === "number" ? value["percent"] : undefined;
  if (value !== undefined && value !== "all" && value !== "any" && percent === undefined) {
    return <Unshown label="Succeeds when" name="continue_on" />;
  }
  return (
    <div className={classes.two}>
      <NativeSelect
        size="xs"
        label="Succeeds when"
        error={problem("continue_on")}
        value={percent === undefined ? String(value ?? "all") : "percent"}
        data={[
          { value: "all", label: "All hosts succeed" },
          { value: "any", label: "One host succeeds" },
          { value: "percent", label: "A part of them does" },
        ]}
        onChange={({ currentTarget: { value: chosen } }) =>
          set(
            "continue_on",
            chosen === "all" ? undefined : chosen === "any" ? "any" : { percent: percent ?? 80 },
          )
        }
      />
      {percent !== undefined && (
        <NumberInput
          size="xs"
          label="Percent"
          min={1}
          max={100}
          clampBehavior="none"
          allowDecimal={false}
          value={percent}
          onChange={(number) => typeof number === "number" && set("continue_on", { percent: number })}
        />
      )}
    </div>
  );
}

export function ApproversField() {
  const { fields, set, problem } = useStepForm();
  const users = useUserNames();
  const { approvers = [] } = fields;
  if (!isTexts(approvers)) {
    return <Unshown label="Who is asked" name="approvers" />;
  }
  const names = new Map<string, string>([
    ...ROLES.map((role) => [`role:${role}`, `${ROLE[role]} (role)`] as const),
    ...[...users].map(([id, name]) => [`user:${id}`, name] as const),
  ]);
  return (
    <TagsInput
      size="xs"
      label="Who is asked"
      required
      description={
        approvers.length > 0 ? approvers.map((one) => runnerWords(one, users)).join(", ") : undefined
      }
      inputWrapperOrder={["label", "input", "description", "error"]}
      placeholder={approvers.length === 0 ? "role:approver or user:5" : undefined}
      error={problem("approvers")}
      acceptValueOnBlur
      maxDropdownHeight={260}
      data={[...names.keys()]}
      renderOption={({ option }) => (
        <span className={classes.option}>
          {names.get(option.value) ?? option.value}
          <code className="dim">{option.value}</code>
        </span>
      )}
      value={approvers}
      onChange={(chosen) => set("approvers", chosen)}
    />
  );
}

export function BranchesField() {
  const { step, problem, ownProblem, readOnly } = useStepForm();
  const { add, fill, rename, remove } = useBranches();
  const general = ownProblem("branches");
  return (
    <div role="group" aria-label="Branches" className={classes.pairs}>
      <span className={classes.fieldLabel}>Branches</span>
      {step.branches.map((branch, index) => (
        <div key={branch.pointer} className={classes.branch}>
          <TextInput
            size="xs"
            aria-label={`Name of branch ${index + 1}`}
            placeholder={`Branch ${index + 1}`}
            value={step.step.type === "parallel" ? (step.step.branches[index]?.name ?? "") : ""}
            error={problem(`branches/${index}`)}
            onChange={(event) => rename(index, event.currentTarget.value)}
          />
          {!readOnly && (
            <Menu width={180}>
              <Menu.Target>
                <ActionIcon variant="subtle" color="gray" aria-label={`Add a step to ${branch.name}`}>
                  <IconPlus size={15} stroke={1.75} aria-hidden />
                </ActionIcon>
              </Menu.Target>
              <Menu.Dropdown>
                {TYPES.map((type) => {
                  const { label, icon: Icon } = STEP_TYPE[type];
                  return (
                    <Menu.Item
                      key={type}
                      leftSection={<Icon size={15} stroke={1.5} aria-hidden />}
                      onClick={() => fill(index, type)}
                    >
                      {label}
                    </Menu.Item>
                  );
                })}
              </Menu.Dropdown>
            </Menu>
          )}
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Remove ${branch.name} and its steps`}
            onClick={() => remove(index)}
          >
            <IconTrash size={15} stroke={1.75} aria-hidden />
          </ActionIcon>
        </div>
      ))}
      {general && (
        <p className="problem" role="alert">
          {general}
        </p>
      )}
      {!readOnly && (
        <div>
          <Button
            variant="subtle"
            size="compact-xs"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={add}
          >
            Add a branch
          </Button>
        </div>
      )}
    </div>
  );
}
