import { Button } from "@mantine/core";
import { useState } from "react";
import type { ApprovedWork } from "~/api/types";
import { StepTypeText } from "~/rooms/workflows/words";
import { count } from "~/ui/format";
import { Panel } from "~/ui/Page";
import { plainText } from "~/ui/plainText";
import { ValueView } from "~/ui/ValueView";
import classes from "./ApprovalPage.module.css";
import { askedAgain, extentWords, innerPayload, placeholder, shownSteps, versionWords } from "./work";

interface ApprovedWorkViewProps {
  work: ApprovedWork[];
  digest: string;
}

/** Every step that may run when it is approved, until people are asked again. */
export function ApprovedWorkView({ work, digest }: ApprovedWorkViewProps) {
  const [all, setAll] = useState(false);
  const { steps, more } = shownSteps(work, all);
  const again = askedAgain(work);
  return (
    <Panel title="What runs when it is approved">
      {work.length === 0 ? (
        <p className={classes.note}>No step follows: the workflow ends.</p>
      ) : (
        <>
          <p className={classes.extent}>{extentWords(work)}.</p>
          <ol className={classes.work}>
            {steps.map((one) => (
              <li key={one.step}>
                <Work work={one} />
              </li>
            ))}
          </ol>
        </>
      )}
      {more > 0 && (
        <Button variant="default" fullWidth onClick={() => setAll(true)}>
          Show the other {count(more, "step")}
        </Button>
      )}
      {again.length > 0 && (
        <p className={classes.note}>
          People are asked again by {plainText(again.join(", "))}: what follows their approval is shown to
          them, and is not part of this one.
        </p>
      )}
      <p className={classes.digest}>
        SHA-256 of {work.length === 1 ? "the step" : `all ${count(work.length, "step")}`}{" "}
        <code>{digest}</code>. Each step is compared with this when it begins, and does not run when it is
        something else.
      </p>
    </Panel>
  );
}

function Work({ work }: { work: ApprovedWork }) {
  const { step, type, summary, hosts = [], payload, open = [], problem, only_if: onlyIf = [] } = work;
  const facts = [
    ...versionWords(work),
    ...(work.timeout_seconds ? [`each job at most ${work.timeout_seconds} s`] : []),
  ];
  return (
    <section className={classes.step} aria-label={`Step ${step}`}>
      <div className={classes.stepHead}>
        <StepTypeText type={type} />
        <code className={classes.stepId}>{plainText(step)}</code>
      </div>
      {onlyIf.length > 0 && (
        <ul className={classes.onlyIf} aria-label={`When ${step} runs`}>
          {onlyIf.map((condition) => (
            <li key={condition}>
              Only if <code>{plainText(condition)}</code>
            </li>
          ))}
        </ul>
      )}
      <code className={classes.summary}>{plainText(summary)}</code>
      {facts.length > 0 && <span className={classes.label}>{facts.join(" · ")}</span>}
      {hosts.length > 0 && (
        <div>
          <span className={classes.label}>On</span>
          <ul className={classes.hosts} aria-label={`Hosts of ${step}`}>
            {hosts.map(({ id, name }) => (
              <li key={id} title={`Agent ${id}`}>
                {plainText(name)}
              </li>
            ))}
          </ul>
        </div>
      )}
      {payload !== undefined && payload !== null && <ValueView value={innerPayload(payload)} />}
      {open.length > 0 && (
        <div className={classes.open}>
          Known only when it runs:
          <ul className={classes.paths} aria-label={`Open values of ${step}`}>
            {open.map((path) => (
              <li key={path}>
                <code>{plainText(placeholder(path))}</code>
              </li>
            ))}
          </ul>
        </div>
      )}
      {problem && (
        <p className={classes.problem}>
          It cannot be told what this step does, so it does not run behind this approval: {plainText(problem)}
        </p>
      )}
    </section>
  );
}
