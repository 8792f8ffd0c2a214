import { Link } from "@tanstack/react-router";
import type { InstanceDetail, StepRun, WorkflowStep } from "~/api/types";
import { withActorName } from "~/rooms/jobs/words";
import { plainText } from "~/ui/plainText";
import { SimpleTable } from "~/ui/SimpleTable";
import { causeWords, OutcomePill, StepTypeText, Took } from "../words";
import classes from "../workflows.module.css";
import page from "./InstancePage.module.css";

interface RunTableProps {
  instance: InstanceDetail;
  onSelect: (step: string) => void;
}

/** Each time through a step, in the order in which they began. */
export function RunTable({ instance: { runs, definition }, onSelect }: RunTableProps) {
  const types = typesOf(definition.steps);
  return (
    <SimpleTable
      label="Steps that began"
      flush
      rows={runs}
      rowKey={(run) => String(run.run)}
      empty="No step has begun yet."
      columns={[
        { label: "Run", cell: (run) => run.run },
        {
          label: "Step",
          cell: (run) => (
            <span className={classes.runStep}>
              <button
                type="button"
                className={`link ${page.step}`}
                data-step-of={run.step}
                title="Show its runs"
                onClick={() => onSelect(run.step)}
              >
                {run.step}
              </button>
              <StepTypeText type={types.get(run.step) ?? ""} />
            </span>
          ),
        },
        { label: "Outcome", cell: (run) => <OutcomePill run={run} /> },
        { label: "Reason", cell: (run) => <Reason text={run.reason ?? run.waits} /> },
        {
          label: "After",
          cell: (run) => <span className={`dim ${classes.whole}`}>{causeWords(run.cause)}</span>,
        },
        { label: "Try", align: "end", cell: (run) => run.attempt },
        { label: "Took", align: "end", cell: (run) => <Took from={run.began_at} to={run.ended_at} /> },
        { label: "More", cell: (run) => <Behind run={run} /> },
      ]}
    />
  );
}

/** Why it ended so, or what it waits for. */
function Reason({ text }: { text: string | null | undefined }) {
  return text ? (
    <span className={page.reason}>{plainText(withActorName(text))}</span>
  ) : (
    <span className="dim">–</span>
  );
}

/** The types of all steps by id, those of branches included. */
export function typesOf(steps: WorkflowStep[]): Map<string, string> {
  return new Map(
    steps.flatMap((step): [string, string][] => [
      [step.id, step.type],
      ...(step.type === "parallel" ? step.branches.flatMap((branch) => [...typesOf(branch.steps)]) : []),
    ]),
  );
}

/** The step with this id, in a branch or not. */
export function stepOf(steps: WorkflowStep[], id: string): WorkflowStep | undefined {
  for (const step of steps) {
    const inner = step.type === "parallel" ? step.branches.flatMap((branch) => branch.steps) : [];
    const found = step.id === id ? step : stepOf(inner, id);
    if (found) {
      return found;
    }
  }
  return undefined;
}

/** What a step left behind, or waits for. */
function Behind({ run: { execution_id, approval_id, child_id } }: { run: StepRun }) {
  return (
    <span className={classes.links}>
      {execution_id && (
        <Link to="/executions/$executionId" params={{ executionId: String(execution_id) }} className="link">
          Execution {execution_id}
        </Link>
      )}
      {approval_id && (
        <Link to="/approvals/$approvalId" params={{ approvalId: String(approval_id) }} className="link">
          Approval {approval_id}
        </Link>
      )}
      {child_id && (
        <Link to="/instances/$instanceId" params={{ instanceId: String(child_id) }} className="link">
          Instance {child_id}
        </Link>
      )}
    </span>
  );
}
