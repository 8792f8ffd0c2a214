import { Textarea } from "@mantine/core";
import { IconCheck, IconX } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "~/api/client";
import { answer } from "~/api/problem";
import type { ApprovalAnswer, ApprovalDetail, Decision } from "~/api/types";
import { useMissing, useSession } from "~/app/session";
import { ActionButton } from "~/ui/ActionButton";
import { useNow } from "~/ui/now";
import { Panel } from "~/ui/Page";
import { ProblemAlert } from "~/ui/states";
import { toastDone } from "~/ui/toast";
import classes from "./ApprovalPage.module.css";
import { approvalKey, approvalOptions } from "./api";
import { answerReason } from "./rules";

const COMMENT_LETTERS = 2_000;

/** What is sent names what was shown: something else cannot be approved by accident. */
export function AnswerPanel({ approval }: { approval: ApprovalDetail }) {
  const client = useQueryClient();
  const { user } = useSession();
  const missing = useMissing();
  const now = useNow();
  const [comment, setComment] = useState("");
  const reason = answerReason(approval, user, missing, now);
  const give = useMutation({
    mutationFn: (body: ApprovalAnswer) =>
      answer(api.POST("/api/v1/approvals/{id}/answer", { params: { path: { id: approval.id } }, body })),
    onSuccess: async (answered, { decision }) => {
      client.setQueryData(approvalOptions(approval.id).queryKey, answered);
      toastDone(decision === "approve" ? "You have approved it" : "You have rejected it");
      await client.invalidateQueries({ queryKey: approvalKey });
    },
    // Somebody else may have decided, or it is about something else by now.
    onError: () => client.invalidateQueries({ queryKey: approvalKey }),
  });
  const decide = (decision: Decision) =>
    give.mutate({
      decision,
      work_sha256: approval.work_sha256,
      ...(comment.trim() === "" ? {} : { comment: comment.trim() }),
    });
  const button = (decision: Decision) => ({
    size: "md",
    reason: reason ?? (give.isPending ? "Your answer is on its way" : undefined),
    loading: give.isPending && give.variables.decision === decision,
    onClick: () => decide(decision),
  });
  return (
    <Panel title="Your answer">
      <div className={classes.answer}>
        {reason === undefined && (
          <Textarea
            label="Comment"
            description="Everybody who may see the workflow reads it."
            autosize
            minRows={2}
            maxRows={8}
            maxLength={COMMENT_LETTERS}
            value={comment}
            onChange={(event) => setComment(event.currentTarget.value)}
          />
        )}
        {give.error ? <ProblemAlert error={give.error} /> : null}
        <div className={classes.buttons}>
          <ActionButton
            {...button("approve")}
            label="Approve"
            icon={IconCheck}
            variant={reason ? "default" : "filled"}
          />
          <ActionButton
            {...button("reject")}
            label="Reject"
            icon={IconX}
            variant={reason ? "default" : "outline"}
            color={reason ? undefined : "red"}
          />
        </div>
        <p className={classes.note}>
          {reason ? `${reason}.` : "An answer is given once and is not changed."}
        </p>
      </div>
    </Panel>
  );
}
