import { NativeSelect, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { allItems } from "~/api/list";
import type { Parameter } from "~/api/types";
import { useMissing } from "~/app/session";
import { actionOptions, actionsOptions } from "~/rooms/scripts/actions/api";
import { scriptsOptions } from "~/rooms/scripts/api";
import { useChosenScript } from "~/rooms/scripts/saved/useChosenScript";
import { versionsDown } from "~/rooms/scripts/versions";
import { workflowKey, workflowList, workflowOptions } from "../api";
import { isRecord } from "../graph/values";
import { useStepForm } from "./formContext";
import { type KnownKey, PairsField } from "./PairsField";
import { Unshown } from "./StepFields";

interface Named {
  id: number;
  name: string;
}

/** What a step names, by its name or by its number: an edit keeps to the way it is written. */
function useNamed(field: string, all: readonly Named[]) {
  const { fields, setSeveral } = useStepForm();
  const byId = `${field}_id`;
  const name = fields[field];
  const id = fields[byId];
  const found = all.find((one) => (typeof id === "number" ? one.id === id : one.name === name));
  const value =
    typeof name === "string" && name !== "" ? name : (found?.name ?? (id === undefined ? null : `${id}`));
  const choose = (chosen: string | null) => {
    const one = all.find((other) => other.name === chosen);
    if (one && one.name !== value) {
      setSeveral(id === undefined ? { [field]: one.name } : { [byId]: one.id });
    }
  };
  return { found, value, choose };
}

interface ChoiceProps {
  field: string;
  /** In front of what the field is called. */
  article?: string;
  label: string;
  all: readonly Named[];
  loading: boolean;
  failed: boolean;
  reason?: string | undefined;
}

function Choice({ field, article = "a", label, all, loading, failed, reason }: ChoiceProps) {
  const { problem } = useStepForm();
  const { value, choose } = useNamed(field, all);
  const names = all.map(({ name }) => name);
  const wrong = problem(field) ?? problem(`${field}_id`);
  return (
    <Select
      size="xs"
      label={label}
      required
      searchable
      allowDeselect={false}
      placeholder={reason ?? (loading ? "Loading…" : "Type to search by name")}
      maxDropdownHeight={260}
      data={[...new Set(value === null ? names : [...names, value])]}
      value={value}
      error={
        (value === null && wrong ? `Choose ${article} ${field}` : wrong) ??
        (failed ? "They could not be loaded" : undefined)
      }
      nothingFoundMessage="None has this in its name"
      onChange={choose}
    />
  );
}

export function ScriptFields() {
  const { fields, set, problem } = useStepForm();
  const reason = useMissing()("scripts.view");
  const scripts = useQuery({ ...scriptsOptions, enabled: reason === undefined });
  const all = scripts.data ?? NONE;
  const { found } = useNamed("script", all);
  const { version } = fields;
  const script = useChosenScript({
    id: found?.id,
    version: typeof version === "number" ? String(version) : "",
  });
  return (
    <>
      <Choice
        field="script"
        label="Script"
        all={all}
        loading={scripts.isPending}
        failed={scripts.isError}
        reason={reason}
      />
      {version !== undefined && typeof version !== "number" ? (
        <Unshown label="Version" name="version" />
      ) : (
        <NativeSelect
          size="xs"
          label="Version"
          error={problem("version")}
          value={version === undefined ? "" : String(version)}
          data={[
            { value: "", label: "The newest when the step begins" },
            ...[
              ...new Set([
                ...versionsDown(script.script?.version ?? 0),
                ...(version === undefined ? [] : [version]),
              ]),
            ].map((number) => ({ value: String(number), label: `Version ${number}` })),
          ]}
          onChange={({ currentTarget: { value } }) =>
            set("version", value === "" ? undefined : Number(value))
          }
        />
      )}
      <GivenFields field="parameters" label="Parameters" keyLabel="Parameter" asks={script.parameters} />
    </>
  );
}

export function ActionFields() {
  const actions = useQuery(actionsOptions);
  const all = actions.data ?? NONE;
  const { found } = useNamed("action", all);
  const action = useQuery({ ...actionOptions(found?.id ?? 0), enabled: found !== undefined });
  return (
    <>
      <Choice
        field="action"
        article="an"
        label="Action"
        all={all}
        loading={actions.isPending}
        failed={actions.isError}
      />
      <GivenFields field="parameters" label="Parameters" keyLabel="Parameter" asks={action.data?.asks} />
    </>
  );
}

export function WorkflowFields() {
  const workflows = useQuery({
    queryKey: [...workflowKey, "offer"],
    queryFn: () => allItems({}, workflowList),
    staleTime: 10_000,
  });
  const all = workflows.data ?? NONE;
  const { found } = useNamed("workflow", all);
  const workflow = useQuery({ ...workflowOptions(found?.id ?? 0), enabled: found !== undefined });
  const asks = workflow.data && (workflow.data.published?.definition ?? workflow.data.draft).inputs;
  return (
    <>
      <Choice
        field="workflow"
        label="Workflow"
        all={all}
        loading={workflows.isPending}
        failed={workflows.isError}
      />
      <GivenFields field="inputs" label="Inputs" keyLabel="Input" asks={asks} />
    </>
  );
}

const NONE: readonly Named[] = [];

interface GivenFieldsProps {
  field: string;
  label: string;
  keyLabel: string;
  /** What is asked for, where that is known. */
  asks: readonly Parameter[] | undefined;
}

/** What is handed on: a row for each that is asked for, and for what is given beside them. */
function GivenFields({ field, label, keyLabel, asks = [] }: GivenFieldsProps) {
  const { fields, set, problem } = useStepForm();
  const value = fields[field] ?? {};
  if (!isRecord(value) || Object.values(value).some((entry) => typeof entry === "object" && entry !== null)) {
    return <Unshown label={label} name={field} />;
  }
  return (
    <PairsField
      label={label}
      keyLabel={keyLabel}
      addLabel={`Add: ${keyLabel.toLowerCase()}`}
      value={value}
      known={asks.map(knownOf)}
      error={problem(field)}
      onChange={(record) => set(field, record)}
    />
  );
}

function knownOf({ name, type, description, required, default: usual }: Parameter): KnownKey {
  const standard: unknown = usual;
  const words = [
    description,
    type === "string" ? undefined : type,
    standard === undefined || standard === null ? undefined : `${String(standard)} when empty`,
  ].filter(Boolean);
  return {
    name,
    ...(words.length > 0 ? { help: words.join("; ") } : {}),
    required: required === true && (standard === undefined || standard === null),
  };
}
