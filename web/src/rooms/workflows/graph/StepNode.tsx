import { Tooltip } from "@mantine/core";
import { IconAlertTriangle, IconCircleX, IconFlag, IconPlayerPlay } from "@tabler/icons-react";
import { Handle, type Node, type NodeProps, Position, useUpdateNodeInternals } from "@xyflow/react";
import { useEffect, useRef } from "react";
import { plainText } from "~/ui/plainText";
import { isError } from "../problems";
import { stepTypeWords } from "../words";
import type { BranchData, EndData, Mark, StepData } from "./elements";
import { ROUTE_WORDS } from "./elements";
import classes from "./flow.module.css";
import { summaryOf, whensOf } from "./model";

/** A step: what it is, what it does, what is wrong with it. */
export function StepNode({ data, selected, isConnectable }: NodeProps<Node<StepData, "step">>) {
  const { flow, decoration } = data;
  return (
    <div
      className={classes.step}
      data-selected={selected || undefined}
      data-tone={toneOf(data)}
      data-dim={decoration?.dim || undefined}
    >
      <Entry connectable={isConnectable} />
      <StepHead data={data} />
      <div className={classes.summary}>{plainText(summaryOf(flow.step)) || " "}</div>
      <Exits data={data} connectable={isConnectable} />
    </div>
  );
}

/** A parallel step is the frame around its branches. */
export function ParallelNode({ data, selected, isConnectable }: NodeProps<Node<StepData, "parallel">>) {
  const { flow, decoration } = data;
  const cancels = flow.step.type === "parallel" && flow.step.on_branch_failure === "cancel";
  return (
    <div
      className={`${classes.step} ${classes.parallel}`}
      data-selected={selected || undefined}
      data-tone={toneOf(data)}
      data-dim={decoration?.dim || undefined}
    >
      <Entry connectable={isConnectable} />
      <StepHead data={data} />
      {cancels && <div className={classes.summary}>One that fails cancels the others</div>}
      <Exits data={data} connectable={isConnectable} />
    </div>
  );
}

export function BranchNode({ data: { branch, empty } }: NodeProps<Node<BranchData, "branch">>) {
  return (
    <div className={classes.branch}>
      <div className={classes.branchName}>{plainText(branch.name)}</div>
      {empty && <div className={classes.empty}>No step yet</div>}
    </div>
  );
}

export function StartNode() {
  return (
    <div className={classes.mark}>
      <IconPlayerPlay size={14} stroke={1.75} aria-hidden />
      Start
      <Handle type="source" position={Position.Bottom} isConnectable={false} className={classes.hidden} />
    </div>
  );
}

export function EndNode({ data: { end, inBranch }, isConnectable }: NodeProps<Node<EndData, "end">>) {
  return (
    <div
      className={classes.mark}
      data-end={end}
      title={inBranch ? branchEnd(end) : `The workflow ends ${end}`}
    >
      <Entry connectable={isConnectable} />
      <IconFlag size={14} stroke={1.75} aria-hidden />
      {end}
    </div>
  );
}

const branchEnd = (end: string) =>
  end === "cancelled" ? "The workflow ends cancelled" : `The branch ends ${end}`;

function StepHead({ data: { flow, decoration } }: { data: StepData }) {
  const { label, icon: Icon } = stepTypeWords(flow.step.type);
  return (
    <>
      <div className={classes.head}>
        {Icon && <Icon size={16} stroke={1.5} aria-hidden className={classes.icon} />}
        <span className={classes.id}>{flow.id || "no id"}</span>
        <Marks problems={decoration?.problems ?? []} />
        {decoration?.badge && <span className={classes.badge}>{decoration.badge}</span>}
      </div>
      <div className={classes.name}>{flow.step.name ? plainText(flow.step.name) : label || "no type"}</div>
    </>
  );
}

/** What the server found, read by pointing at it; the form says it as well. */
function Marks({ problems }: { problems: readonly Mark[] }) {
  if (problems.length === 0) {
    return null;
  }
  const bad = problems.some(isError);
  const Icon = bad ? IconCircleX : IconAlertTriangle;
  return (
    <Tooltip
      label={
        <span className={classes.marks}>
          {problems.map(({ pointer, message }) => (
            <span key={`${pointer}:${message}`}>{message}</span>
          ))}
        </span>
      }
    >
      <span className={classes.problem} data-bad={bad || undefined}>
        <Icon size={16} stroke={2} aria-hidden />
      </span>
    </Tooltip>
  );
}

const Entry = ({ connectable }: { connectable: boolean }) => (
  <Handle type="target" position={Position.Top} className={classes.entry} isConnectable={connectable} />
);

function Exits({ data: { flow, exits }, connectable }: { data: StepData; connectable: boolean }) {
  const moved = useUpdateNodeInternals();
  const places = whensOf(flow.step)
    .map((when) => `${when} ${exits[when]}`)
    .join();
  const measured = useRef(places);
  // React Flow measures handles once; these go to where their routes lead.
  useEffect(() => {
    if (measured.current !== places) {
      measured.current = places;
      moved(flow.key);
    }
  }, [moved, flow.key, places]);
  return whensOf(flow.step).map((when) => (
    <Handle
      key={when}
      id={when}
      type="source"
      position={Position.Bottom}
      isConnectable={connectable}
      className={classes.exit}
      data-when={when}
      style={{ left: `${exits[when] * 100}%` }}
      title={connectable ? `Drag to where ${flow.id} leads on ${ROUTE_WORDS[when]}` : undefined}
    />
  ));
}

function toneOf({ decoration }: StepData): string | undefined {
  const problems = decoration?.problems ?? [];
  return decoration?.tone ?? (problems.some(isError) ? "bad" : problems.length > 0 ? "warn" : undefined);
}
