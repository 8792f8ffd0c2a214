import type { ApprovedWork } from "~/api/types";
import { StepTypeText } from "~/rooms/workflows/words";
import { Panel } from "~/ui/Page";
import { plainText } from "~/ui/plainText";
import { ValueView } from "~/ui/ValueView";
import classes from "./ApprovalPage.module.css";

interface ApprovedWorkViewProps {
  work: ApprovedWork[];
  digest: string;
}

/** Behind these nothing is shown: what follows is not decided yet, or is asked for again. */
const STOPS = ["approval", "conditional", "parallel", "workflow"];

/** Exactly what runs when it is approved. */
export function ApprovedWorkView({ work, digest }: ApprovedWorkViewProps) {
  const last = work.at(-1);
  return (
    <Panel title="What runs when it is approved">
      {work.length === 0 ? (
        <p className={classes.note}>No step follows: the workflow ends.</p>
      ) : (
        <ol className={classes.work}>
          {work.map((one) => (
            <li key={one.step}>
              <Work work={one} />
            </li>
          ))}
        </ol>
      )}
      {last && STOPS.includes(last.type) && (
        <p className={classes.note}>
          What follows after {plainText(last.step)} is decided there, and is not shown here.
        </p>
      )}
      <p className={classes.digest}>
        SHA-256 of all of this <code>{digest}</code>. What was approved is compared with what runs.
      </p>
    </Panel>
  );
}

/** A job's payload stands beside the name of its type, which is said already. */
function inner(payload: object): unknown {
  const names = Object.keys(payload).sort().join();
  return names === "payload,type" && "payload" in payload ? payload.payload : payload;
}

function Work({ work: { step, type, summary, hosts = [], payload, open } }: { work: ApprovedWork }) {
  return (
    <section className={classes.step} aria-label={`Step ${step}`}>
      <div className={classes.stepHead}>
        <StepTypeText type={type} />
        <code className={classes.stepId}>{plainText(step)}</code>
      </div>
      <code className={classes.summary}>{plainText(summary)}</code>
      {hosts.length > 0 && (
        <div>
          <span className={classes.label}>On</span>
          <ul className={classes.hosts} aria-label={`Hosts of ${step}`}>
            {hosts.map((host) => (
              <li key={host}>{plainText(host)}</li>
            ))}
          </ul>
        </div>
      )}
      {payload !== undefined && payload !== null && <ValueView value={inner(payload)} />}
      {open && <p className={classes.open}>Not known yet: {plainText(open)}</p>}
    </section>
  );
}
