import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { AnswerPanel } from "~/rooms/approvals/AnswerPanel";
import { ApprovedWorkView } from "~/rooms/approvals/ApprovedWorkView";
import { approvalOptions } from "~/rooms/approvals/api";
import { ApprovalStatePill, DECISION, progressWords } from "~/rooms/approvals/words";
import { Pill } from "~/ui/Pill";
import { plainText } from "~/ui/plainText";
import { RelativeTime } from "~/ui/RelativeTime";
import { ErrorState, LoadingLines } from "~/ui/states";
import classes from "./StepPanel.module.css";

/** What a step asks, with what runs when it is approved, and the answer of whoever looks. */
export function RunApproval({ id }: { id: number }) {
  const { data: approval, error, refetch } = useQuery(approvalOptions(id));
  if (!approval) {
    return error ? <ErrorState error={error} onRetry={() => void refetch()} /> : <LoadingLines lines={3} />;
  }
  const open = approval.state === "open";
  return (
    <>
      <div className={classes.line}>
        <Link to="/approvals/$approvalId" params={{ approvalId: String(id) }} className="link">
          Approval {id}
        </Link>
        <ApprovalStatePill state={approval.state} />
        <span className="dim">
          {progressWords(approval)}
          {open && (
            <>
              , answer <RelativeTime at={approval.deadline} />
            </>
          )}
        </span>
      </div>
      <p className={classes.question}>{plainText(approval.title)}</p>
      {approval.description && <p className={classes.text}>{plainText(approval.description)}</p>}
      <ul className={classes.people} aria-label="Who was asked">
        {approval.people.map(({ user_id: user, name, decision, comment }) => (
          <li key={user}>
            <span className={classes.line}>
              {name}
              {decision ? (
                <Pill tone={DECISION[decision].tone}>{DECISION[decision].label}</Pill>
              ) : (
                <span className="dim">has not answered</span>
              )}
            </span>
            {comment && <p className={classes.text}>{plainText(comment)}</p>}
          </li>
        ))}
      </ul>
      {open && (
        <>
          <ApprovedWorkView work={approval.work} digest={approval.work_sha256} />
          <AnswerPanel key={approval.work_sha256} approval={approval} />
        </>
      )}
    </>
  );
}
