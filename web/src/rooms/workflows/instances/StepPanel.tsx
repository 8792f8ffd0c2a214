import { Button, CloseButton } from "@mantine/core";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { InstanceDetail, StepRun, WorkflowStep } from "~/api/types";
import { withActorName } from "~/rooms/jobs/words";
import { dateTime } from "~/ui/format";
import { Facts } from "~/ui/Page";
import { plainText } from "~/ui/plainText";
import { stepFacts, stepSummary } from "../steps";
import { causeWords, OutcomePill, StepTypeText, Took } from "../words";
import { runsOf } from "./progress";
import { RunApproval } from "./RunApproval";
import { RunChild } from "./RunChild";
import { RunJobs } from "./RunJobs";
import classes from "./StepPanel.module.css";

interface StepPanelProps {
  instance: InstanceDetail;
  step: WorkflowStep;
  onClose: () => void;
}

/** At first; a loop may have passed a step a thousand times. */
const NEWEST = 3;
const SETTLE_MS = 60;

/** One step of an instance: each time through it, the newest first, with what it did and what it waits for. */
export function StepPanel({ instance, step, onClose }: StepPanelProps) {
  const frame = useRef<HTMLElement>(null);
  const [shown, setShown] = useState(NEWEST);
  const runs = runsOf(instance, step.id).toReversed();
  useEffect(() => {
    frame.current?.focus({ preventScroll: true });
    // The router has its own idea of where a page stands after its address has changed: this comes behind it.
    const timer = setTimeout(() => {
      const top = frame.current?.getBoundingClientRect().top ?? 0;
      if (top < 0 || top > window.innerHeight / 3) {
        frame.current?.scrollIntoView({ block: "start" });
      }
    }, SETTLE_MS);
    return () => clearTimeout(timer);
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape" && !event.defaultPrevented) {
      onClose();
    }
  };
  return (
    <section
      ref={frame}
      className={classes.panel}
      aria-label={`Runs of ${step.id}`}
      tabIndex={-1}
      onKeyDown={onKeyDown}
    >
      <header className={classes.head}>
        <StepTypeText type={step.type} />
        <h2 className={classes.title}>
          <code>{step.id}</code>
        </h2>
        <CloseButton className={classes.close} aria-label={`Close ${step.id}`} onClick={onClose} />
      </header>
      <div className={classes.about}>
        {step.name && <span>{plainText(step.name)}</span>}
        <code className={classes.summary}>{plainText(stepSummary(step))}</code>
        {stepFacts(step).length > 0 && <span className="dim">{stepFacts(step).join("; ")}</span>}
      </div>
      {runs.length === 0 && <p className={classes.none}>{notReached(instance)}</p>}
      {runs.slice(0, shown).map((run, place) => (
        <Run key={run.run} run={run} newest={place === 0} />
      ))}
      {runs.length > shown && (
        <div className={classes.more}>
          <Button variant="default" onClick={() => setShown(shown + 10)}>
            Show earlier runs ({runs.length - shown})
          </Button>
        </div>
      )}
    </section>
  );
}

const notReached = ({ ended_at: ended }: InstanceDetail) =>
  ended ? "The instance ended without reaching it." : "It has not been reached yet.";

interface RunProps {
  run: StepRun;
  newest: boolean;
}

function Run({ run, newest }: RunProps) {
  const why = run.reason ? withActorName(run.reason) : run.waits;
  return (
    <section className={classes.run} aria-label={`Run ${run.run}`}>
      <div className={classes.runHead}>
        <h3 className={classes.runTitle}>Run {run.run}</h3>
        <OutcomePill run={run} />
        {run.attempt > 1 && <span className="dim">try {run.attempt}</span>}
      </div>
      {why && (
        <p className={classes.reason} data-bad={run.outcome === "failed" || undefined}>
          {plainText(why)}
        </p>
      )}
      <Facts
        facts={[
          ["After", causeWords(run.cause)],
          [
            "Began",
            <time key="began" dateTime={run.began_at}>
              {dateTime(run.began_at)}
            </time>,
          ],
          [run.ended_at ? "Took" : "For", <Took key="took" from={run.began_at} to={run.ended_at} />],
        ]}
      />
      {run.approval_id && <RunApproval id={run.approval_id} />}
      {run.execution_id && (
        <RunJobs execution={run.execution_id} ended={Boolean(run.ended_at)} open={newest} />
      )}
      {run.child_id && <RunChild id={run.child_id} />}
    </section>
  );
}
