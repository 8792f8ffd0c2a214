import { Button } from "@mantine/core";
import { useEffect, useState } from "react";
import type { Parameter } from "~/api/types";
import { type ParameterDraft, parameterDraft, parameterOf } from "~/rooms/scripts/definition";
import { ParametersEditor } from "~/rooms/scripts/ParametersEditor";
import { setOfWorkflow } from "../graph/edits";
import type { Readable } from "../graph/parse";
import { deepEqual, isRecord } from "../graph/values";
import type { Found } from "../problems";
import classes from "./editor.module.css";
import { HostsChoice, isTargets } from "./parts";

interface WorkflowPanelProps {
  readable: Readable;
  problems: readonly Found[];
  readOnly: boolean;
  onChange: (source: string, tag?: string) => void;
  onCode: (line: number) => void;
}

/** What belongs to no step: what is asked for, and on which hosts it runs. */
export function WorkflowPanel({ readable, problems, readOnly, onChange, onCode }: WorkflowPanelProps) {
  const fields = isRecord(readable.value) ? readable.value : {};
  const { hosts, inputs = [] } = fields;
  const at = (pointer: string) =>
    problems
      .filter((one) => one.pointer === pointer || one.pointer.startsWith(`${pointer}/`))
      .map(({ message }) => message)
      .join("; ") || undefined;
  const toCode = (what: string) => (
    <div className={classes.unshown}>
      <span>
        <strong>{what}</strong> say something that this form cannot show.
      </span>
      <Button variant="subtle" size="compact-xs" onClick={() => onCode(1)}>
        Edit in Code
      </Button>
    </div>
  );
  const general = problems.filter(({ pointer }) => pointer === "" || pointer === "/steps");
  return (
    <>
      <div className={classes.sideHead}>
        <h2 className={classes.sideTitle}>The workflow</h2>
      </div>
      <p className={classes.note}>Select a step or a route to see its form.</p>
      {general.map(({ message }) => (
        <p key={message} className="problem" role="alert">
          {message}
        </p>
      ))}
      {hosts === undefined || isTargets(hosts) ? (
        <HostsChoice
          hosts={hosts}
          otherwise="Steps name them, or whoever starts it"
          error={at("/hosts")}
          readOnly={readOnly}
          onChange={(targets) => onChange(setOfWorkflow(readable, "hosts", targets))}
        />
      ) : (
        toCode("Hosts")
      )}
      <h3 className={classes.sideSubtitle}>Asks for</h3>
      {areParameters(inputs) ? (
        <Inputs
          inputs={inputs}
          error={at("/inputs")}
          onChange={(next) => onChange(setOfWorkflow(readable, "inputs", next), "inputs")}
        />
      ) : (
        toCode("Inputs")
      )}
    </>
  );
}

const TYPES = ["string", "integer", "number", "boolean", "choice", "secret"];

function areParameters(value: unknown): value is Parameter[] {
  return (
    Array.isArray(value) &&
    value.every(
      (one) =>
        isRecord(one) &&
        typeof one["name"] === "string" &&
        TYPES.includes(String(one["type"])) &&
        (one["choices"] === undefined || Array.isArray(one["choices"])),
    )
  );
}

interface InputsProps {
  inputs: Parameter[];
  error: string | undefined;
  onChange: (inputs: Parameter[]) => void;
}

function Inputs({ inputs, error, onChange }: InputsProps) {
  const [drafts, setDrafts] = useState(() => inputs.map(draftOf));
  useEffect(() => {
    setDrafts((before) => (deepEqual(saidBy(before), inputs) ? before : inputs.map(draftOf)));
  }, [inputs]);
  return (
    <ParametersEditor
      parameters={drafts.map(({ draft }) => draft)}
      errors={{ "definition.parameters": error }}
      words={INPUT_WORDS}
      onChange={(next) => {
        const changed = next.map(
          (draft): Drafted => ({ draft, origin: drafts.find((one) => one.draft.id === draft.id)?.origin }),
        );
        setDrafts(changed);
        const said = saidBy(changed);
        if (!deepEqual(said, inputs)) {
          onChange(said);
        }
      }}
    />
  );
}

const INPUT_WORDS = {
  intro: "Whoever starts it is asked for these; steps have them as {{inputs.NAME}}.",
  add: "Add an input",
  one: "Input",
  hint: (name: string) => `{{inputs.${name}}}`,
};

interface Drafted {
  draft: ParameterDraft;
  /** As it is written, if it is. */
  origin: Parameter | undefined;
}

const draftOf = (input: Parameter): Drafted => ({ draft: parameterDraft(input), origin: input });

/** Rows without a name are not there yet. What was not touched stays as it is written. */
function saidBy(drafts: readonly Drafted[]): Parameter[] {
  return drafts
    .filter(({ draft }) => draft.name.trim() !== "")
    .map(({ draft, origin }) => {
      const now = parameterOf(draft);
      return origin && deepEqual(now, parameterOf(parameterDraft(origin))) ? origin : now;
    });
}
