import { SegmentedControl } from "@mantine/core";
import { IconArrowRight, IconFlag } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import type { WorkflowDefinition, WorkflowDetail, WorkflowStep } from "~/api/types";
import { targetWords } from "~/rooms/agents/targets";
import { Panel } from "~/ui/Page";
import { plainText } from "~/ui/plainText";
import { SimpleTable } from "~/ui/SimpleTable";
import { LoadingLines } from "~/ui/states";
import { type Route, routesOf, stepFacts, stepSummary } from "./steps";
import type { WorkflowEditor } from "./useWorkflowEditor";
import { StepTypeText } from "./words";
import classes from "./workflows.module.css";

type Which = "draft" | "published";

// What draws graphs is big: it is loaded where one is looked at.
const FlowCanvas = lazy(() =>
  import("./graph/FlowCanvas").then(({ FlowCanvas }) => ({ default: FlowCanvas })),
);
const VisualEditor = lazy(() =>
  import("./editor/VisualEditor").then(({ VisualEditor }) => ({ default: VisualEditor })),
);

interface StepsTabProps {
  workflow: WorkflowDetail;
  editor: WorkflowEditor;
  /** Why nothing can be changed. */
  reason: string | undefined;
  onCode: (line: number) => void;
  /** Id of a step to be looked at first. */
  wanted: string | undefined;
  onShown: () => void;
}

/** The steps as a graph to be edited, and as a list to be read; of the published version, only to be looked at. */
export function StepsTab({ workflow, editor, reason, onCode, wanted, onShown }: StepsTabProps) {
  const { draft, published } = workflow;
  const [which, setWhich] = useState<Which>("draft");
  const [graph, setGraph] = useState(true);
  if (wanted !== undefined && !(graph && which === "draft")) {
    setGraph(true);
    setWhich("draft");
  }
  const old = which === "published" && published ? published : undefined;
  const views = (
    <>
      <SegmentedControl
        size="xs"
        aria-label="How to show the steps"
        value={graph ? "graph" : "list"}
        onChange={(value) => setGraph(value === "graph")}
        data={[
          { value: "graph", label: "Graph" },
          { value: "list", label: "List" },
        ]}
      />
      {published && (workflow.draft_differs || editor.dirty) && (
        <SegmentedControl
          size="xs"
          aria-label="Which steps"
          value={which}
          onChange={(value) => setWhich(value === "published" ? "published" : "draft")}
          data={[
            { value: "draft", label: "Draft" },
            { value: "published", label: `Version ${published.version}` },
          ]}
        />
      )}
    </>
  );
  if (graph && !old) {
    return (
      <Suspense fallback={<LoadingLines />}>
        <VisualEditor
          editor={editor}
          reason={reason}
          onCode={onCode}
          views={views}
          wanted={wanted}
          onShown={onShown}
        />
      </Suspense>
    );
  }
  return (
    <div className={classes.column}>
      <div className={classes.choices}>
        {views}
        {!old && editor.dirty && (
          <p className={classes.note} role="status">
            What is not saved is not in the list yet.
          </p>
        )}
      </div>
      {graph && old ? (
        <div className={classes.flow}>
          <Suspense fallback={<LoadingLines />}>
            <FlowCanvas definition={old.definition} label={`Steps of version ${old.version}`} />
          </Suspense>
        </div>
      ) : (
        <Listed definition={old?.definition ?? draft} />
      )}
    </div>
  );
}

function Listed({ definition: { steps, hosts, inputs = [] } }: { definition: WorkflowDefinition }) {
  return (
    <div className={classes.grid}>
      <Panel title="Steps">
        <StepList steps={steps} label="Steps" />
      </Panel>
      <div className={classes.column}>
        <Panel title="Hosts">
          {hosts ? targetWords(hosts) : <span className="dim">Steps or whoever starts it name them.</span>}
        </Panel>
        <Panel title="Asks for" flush={inputs.length > 0}>
          {inputs.length === 0 && <p className={classes.note}>It asks for nothing.</p>}
          {inputs.length > 0 && (
            <SimpleTable
              label="Inputs"
              flush
              rows={inputs}
              rowKey={(input) => input.name}
              columns={[
                { label: "Name", cell: (input) => <code>{input.name}</code> },
                { label: "Type", cell: (input) => input.type },
                { label: "Required", cell: (input) => (input.required ? "Yes" : "No") },
                {
                  label: "About",
                  cell: (input) =>
                    input.description ? plainText(input.description) : <span className="dim">–</span>,
                },
              ]}
            />
          )}
        </Panel>
      </div>
    </div>
  );
}

interface StepListProps {
  steps: WorkflowStep[];
  label: string;
  inBranch?: boolean;
}

function StepList({ steps, label, inBranch = false }: StepListProps) {
  return (
    <ol className={classes.steps} aria-label={label}>
      {steps.map((step, index) => (
        <li key={step.id} id={anchor(step.id)} className={classes.step} tabIndex={-1}>
          <div className={classes.stepHead}>
            <StepTypeText type={step.type} />
            <code className={classes.stepId}>{step.id}</code>
            {step.name && <span>{plainText(step.name)}</span>}
          </div>
          <code className={classes.summary}>{plainText(stepSummary(step))}</code>
          <StepPlace step={step} />
          {step.type === "parallel" &&
            step.branches.map((branch, number) => {
              const name = plainText(branch.name ?? `Branch ${number + 1}`);
              return (
                // biome-ignore lint/suspicious/noArrayIndexKey: branches are told apart by their place
                <div key={number} className={classes.branch}>
                  <span className={classes.branchName}>{name}</span>
                  <StepList steps={branch.steps} label={`${name} of ${step.id}`} inBranch />
                </div>
              );
            })}
          <ul className={classes.routes} aria-label={`Where ${step.id} leads`}>
            {routesOf(steps, index).map((one) => (
              <RouteLine key={one.when} route={one} inBranch={inBranch} />
            ))}
          </ul>
        </li>
      ))}
    </ol>
  );
}

const anchor = (step: string) => `step-${step}`;

function StepPlace({ step }: { step: WorkflowStep }) {
  const hosts = "hosts" in step && step.hosts ? targetWords(step.hosts) : undefined;
  const facts = [...(hosts ? [`on ${hosts}`] : []), ...stepFacts(step)];
  return facts.length > 0 ? <span className={classes.stepFacts}>{facts.join("; ")}</span> : null;
}

const WHEN: Record<Route["when"], string> = {
  success: "On success",
  failure: "On failure",
  true: "When true",
  false: "When false",
};

function RouteLine({ route: { when, to }, inBranch }: { route: Route; inBranch: boolean }) {
  return (
    <li data-when={when}>
      <span className={classes.when}>{WHEN[when]}</span>
      {"step" in to ? (
        <>
          <IconArrowRight size={14} aria-label="goes on with" />
          <button type="button" className={`link ${classes.go}`} onClick={() => show(to.step)}>
            {to.step}
          </button>
        </>
      ) : (
        <>
          <IconFlag size={14} aria-hidden />
          <span>{endWords(to.end, inBranch)}</span>
        </>
      )}
    </li>
  );
}

function endWords(end: "completed" | "failed" | "cancelled", inBranch: boolean): string {
  return inBranch && end !== "cancelled" ? `the branch ends ${end}` : `the workflow ends ${end}`;
}

/** For people who hear the page, too: the step gets the focus. */
function show(step: string): void {
  const element = document.getElementById(anchor(step));
  element?.scrollIntoView({ block: "nearest" });
  element?.focus({ preventScroll: true });
}
