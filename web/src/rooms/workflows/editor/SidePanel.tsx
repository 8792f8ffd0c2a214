import { Button, NativeSelect, TextInput } from "@mantine/core";
import { IconCopy, IconCopyPlus, IconRestore, IconTrash } from "@tabler/icons-react";
import { type KeyboardEvent, type ReactNode, type RefObject, useEffect, useState } from "react";
import { ActionButton } from "~/ui/ActionButton";
import { count } from "~/ui/format";
import { Pill } from "~/ui/Pill";
import { toastDone, toastRefused } from "~/ui/toast";
import { idProblem, routeField, setField, setFields } from "../graph/edits";
import { type Mark, ROUTE_WORDS } from "../graph/elements";
import { ENDS, type FlowEdge, type FlowStep, type Graph, listAt, type When, whensOf } from "../graph/model";
import { fieldsOf, type Readable } from "../graph/parse";
import { isError } from "../problems";
import type { WorkflowEditor } from "../useWorkflowEditor";
import { STEP_TYPE, type StepType, StepTypeText } from "../words";
import classes from "./editor.module.css";
import { type StepForm, StepFormProvider, useStepForm } from "./formContext";
import { FORMS, shownFields, unshown } from "./forms";
import { fieldProblem, otherProblems, ownProblem } from "./marks";
import { StepField, Unshown } from "./StepFields";
import { onlyStep, type Steps } from "./useSteps";
import { VariableInput } from "./VariableInput";
import { WorkflowPanel } from "./WorkflowPanel";

interface SidePanelProps {
  ref: RefObject<HTMLElement | null>;
  readable: Readable;
  graph: Graph;
  steps: Steps;
  marks: ReadonlyMap<string, Mark[]>;
  editor: WorkflowEditor;
  reason: string | undefined;
  onCode: (line: number) => void;
  /** Back to where the form belongs. */
  onLeave: () => void;
}

/** The form of what is selected: a step, several, a route, or the workflow itself. */
export function SidePanel(props: SidePanelProps) {
  const { ref, steps, reason, readable, editor } = props;
  const { chosen, route } = steps;
  const [only] = chosen;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape" && !event.defaultPrevented) {
      props.onLeave();
    }
  };
  return (
    <section
      ref={ref}
      className={classes.side}
      aria-label="Form"
      // Nothing in it takes the focus when it is only to be read, and it has to be scrolled all the same.
      tabIndex={reason === undefined ? undefined : 0}
      onKeyDown={onKeyDown}
    >
      {reason !== undefined && <p className={classes.reason}>{reason}. What is here can be read.</p>}
      <fieldset className={classes.fieldset} disabled={reason !== undefined}>
        {chosen.length > 1 ? (
          <SeveralSteps {...props} />
        ) : only ? (
          <OneStep key={only.key} {...props} step={only} />
        ) : route && route.when !== "start" ? (
          <OneRoute {...props} edge={route} when={route.when} />
        ) : (
          <WorkflowPanel
            readable={readable}
            problems={editor.checked?.problems ?? []}
            readOnly={reason !== undefined}
            onChange={editor.change}
            onCode={props.onCode}
          />
        )}
      </fieldset>
    </section>
  );
}

function Head({ title, children }: { title: ReactNode; children?: ReactNode }) {
  return (
    <div className={classes.sideHead}>
      <h2 className={classes.sideTitle}>{title}</h2>
      {children && <div className={classes.sideActions}>{children}</div>}
    </div>
  );
}

function SeveralSteps({ steps, reason }: SidePanelProps) {
  return (
    <>
      <Head title={count(steps.chosen.length, "step")} />
      <ul className={classes.names}>
        {steps.chosen.map(({ key, id }) => (
          <li key={key}>
            <code>{id}</code>
          </li>
        ))}
      </ul>
      <StepButtons steps={steps} chosen={steps.chosen} reason={reason} />
    </>
  );
}

function StepButtons({
  steps,
  chosen,
  reason,
}: {
  steps: Steps;
  chosen: FlowStep[];
  reason: string | undefined;
}) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(steps.copy(chosen));
      toastDone(`${count(chosen.length, "step")} copied, as YAML`);
    } catch {
      toastRefused("The clipboard cannot be written", "Select the step in the graph and press Ctrl+C.");
    }
  };
  return (
    <div className={classes.sideActions}>
      <ActionButton compact size="sm" label="Copy" icon={IconCopy} onClick={() => void copy()} />
      <ActionButton
        compact
        size="sm"
        label="Duplicate"
        icon={IconCopyPlus}
        reason={reason}
        onClick={() => steps.duplicate(chosen)}
      />
      <ActionButton
        compact
        size="sm"
        label="Delete"
        icon={IconTrash}
        reason={reason}
        onClick={() => steps.remove(chosen)}
      />
    </div>
  );
}

function OneStep(props: SidePanelProps & { step: FlowStep }) {
  const { readable, steps, step, marks, editor, reason, onCode } = props;
  const own = marks.get(step.key) ?? [];
  const fields = fieldsOf(readable, step);
  const type = Object.hasOwn(STEP_TYPE, step.step.type) ? (step.step.type as StepType) : undefined;
  const write = (source: string, tag?: string) => editor.change(source, tag && `${step.pointer} ${tag}`);
  const lineOf = (field: string) =>
    editor.lastChecked?.problems.find(({ pointer }) => pointer === `${step.pointer}/${field}`)?.line;
  const form: StepForm = {
    readable,
    step,
    fields,
    write,
    set: (field, value) => write(setField(readable, step, field, value), field),
    setSeveral: (several) => write(setFields(readable, step, several)),
    problem: (field) => fieldProblem(own, field),
    ownProblem: (field) => ownProblem(own, field),
    add: steps.addTo,
    variables: editor.lastChecked?.variables[step.id] ?? [],
    readOnly: reason !== undefined,
    toCode: (field) => onCode(lineOf(field) ?? lineAt(readable, step)),
  };
  const others = unshown(type, fields);
  const rest = otherProblems(own, [...shownFields(type), ...others]);
  return (
    <StepFormProvider value={form}>
      <Head title={<StepTypeText type={step.step.type || "Step without a type"} />}>
        <StepButtons steps={steps} chosen={[step]} reason={reason} />
      </Head>
      {rest.length > 0 && (
        <ul className={classes.problems} aria-label={`Problems of ${step.id}`}>
          {rest.map((mark) => (
            <li key={`${mark.pointer}:${mark.message}`}>
              <Pill tone={isError(mark) ? "bad" : "warn"}>{isError(mark) ? "Error" : "Warning"}</Pill>
              <span>{mark.message}</span>
            </li>
          ))}
        </ul>
      )}
      <div className={classes.two}>
        <IdField steps={steps} />
        <VariableInput
          label="Name"
          kind={undefined}
          variables={[]}
          error={form.problem("name")}
          value={step.step.name ?? ""}
          onChange={(name) => form.set("name", name === "" ? undefined : name)}
        />
      </div>
      {type === undefined && <Unshown label="Type" name="type" />}
      {type === "delay" ? (
        <div className={classes.three}>
          {FORMS.delay.map((field) => (
            <StepField key={field.name} field={field} />
          ))}
        </div>
      ) : (
        (type ? FORMS[type] : []).map((field) => <StepField key={field.name} field={field} />)
      )}
      {others.map((name) => (
        <Unshown key={name} label={name} name={name} />
      ))}
      <h3 className={classes.sideSubtitle}>Where it leads</h3>
      {whensOf(step.step).map((when) => (
        <RouteField key={when} when={when} />
      ))}
    </StepFormProvider>
  );
}

/** Where in the text a step begins, as nearly as its place in it says. */
function lineAt({ source }: Readable, { id }: FlowStep): number {
  const index = source.split("\n").findIndex((line) => /\bid:/.test(line) && line.includes(id));
  return Math.max(1, index + 1);
}

/** Taken when it is left: a name that is half typed is nobody's. */
function IdField({ steps }: { steps: Steps }) {
  const { readable, step, problem } = useStepForm();
  const [text, setText] = useState(step.id);
  useEffect(() => setText(step.id), [step.id]);
  const wrong = text === step.id ? problem("id") : idProblem(readable, step, text);
  const take = () => {
    if (text !== step.id && wrong === undefined) {
      steps.rename(step, text);
    }
  };
  return (
    <TextInput
      size="xs"
      label="Id"
      required
      className={classes.mono}
      spellCheck={false}
      autoComplete="off"
      autoCapitalize="off"
      value={text}
      error={wrong}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={() => (wrong === undefined ? take() : setText(step.id))}
      onKeyDown={(event) => {
        if (event.key === "Enter") {
          event.preventDefault();
          take();
        } else if (event.key === "Escape" && text !== step.id) {
          event.preventDefault();
          setText(step.id);
        }
      }}
    />
  );
}

const WHEN: Record<When, string> = {
  success: "On success",
  failure: "On failure",
  true: "When true",
  false: "When false",
};

function RouteField({ when }: { when: When }) {
  const { readable, step, fields, set, problem } = useStepForm();
  const field = routeField(when);
  const written = fields[field];
  if (written !== undefined && typeof written !== "string") {
    return <Unshown label={WHEN[when]} name={field} />;
  }
  const list = listAt(readable.root, step.list);
  const inBranch = step.list !== "/steps";
  const next = list?.steps[step.index + 1];
  const needed = when === "true" || when === "false";
  const onwards = next
    ? `The next step: ${next.id}`
    : inBranch
      ? "The branch is completed"
      : "The workflow is completed";
  const usual = when === "failure" ? (inBranch ? "The branch fails" : "The workflow fails") : onwards;
  const ids = (list?.steps ?? []).map(({ id }) => id).filter((id) => id !== "");
  const known = ["continue", ...ENDS, ...ids];
  return (
    <NativeSelect
      size="xs"
      label={WHEN[when]}
      error={problem(field)}
      value={written ?? (needed ? "continue" : "")}
      data={[
        ...(needed ? [] : [{ value: "", label: usual }]),
        ...(needed || when === "failure" || written === "continue"
          ? [{ value: "continue", label: `Goes on: ${onwards.toLowerCase()}` }]
          : []),
        { group: "Steps", items: ids.map((id) => ({ value: id, label: id })) },
        { group: "Ends", items: ENDS.map((end) => ({ value: end, label: end })) },
        ...(written === undefined || known.includes(written) ? [] : [{ value: written, label: written }]),
      ]}
      onChange={({ currentTarget: { value } }) => set(field, value === "" ? undefined : value)}
    />
  );
}

function OneRoute({
  readable,
  graph,
  steps,
  editor,
  marks,
  reason,
  edge,
  when,
}: SidePanelProps & { edge: FlowEdge; when: When }) {
  const step = graph.steps.find(({ key }) => key === edge.source);
  if (!step) {
    return null;
  }
  const form: StepForm = {
    readable,
    step,
    fields: fieldsOf(readable, step),
    write: editor.change,
    set: (field, value) => editor.change(setField(readable, step, field, value)),
    setSeveral: (several) => editor.change(setFields(readable, step, several)),
    problem: (field) => fieldProblem(marks.get(step.key) ?? [], field),
    ownProblem: (field) => ownProblem(marks.get(step.key) ?? [], field),
    add: steps.addTo,
    variables: [],
    readOnly: reason !== undefined,
    toCode: () => {},
  };
  return (
    <StepFormProvider value={form}>
      <Head title={`Route on ${ROUTE_WORDS[when]}`} />
      <p className={classes.note}>
        From{" "}
        <button
          type="button"
          className={`link ${classes.go}`}
          onClick={() => steps.select(onlyStep(step.key))}
        >
          {step.id}
        </button>
        . What is added now is put on this route.
      </p>
      <RouteField when={when} />
      <div>
        <Button
          variant="default"
          leftSection={<IconRestore size={15} aria-hidden />}
          disabled={edge.implied}
          onClick={() => steps.resetRoute(edge)}
        >
          Reset the route
        </Button>
      </div>
    </StepFormProvider>
  );
}
