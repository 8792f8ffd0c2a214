import { TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "~/api/client";
import { answer } from "~/api/problem";
import type { Instance } from "~/api/types";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { toastDone } from "~/ui/toast";
import { instanceKey } from "../api";
import classes from "../workflows.module.css";

interface CancelDialogProps {
  instance: Pick<Instance, "id" | "workflow">;
  onClose: () => void;
}

export function CancelDialog({ instance: { id, workflow }, onClose }: CancelDialogProps) {
  const client = useQueryClient();
  const [reason, setReason] = useState("");
  const cancel = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/v1/instances/{id}/cancel", {
          params: { path: { id } },
          body: { reason: reason.trim() },
        }),
      ),
    onSuccess: async () => {
      onClose();
      toastDone(`Instance ${id} of ${workflow} is being cancelled`);
      await client.invalidateQueries({ queryKey: instanceKey });
    },
  });
  return (
    <ConfirmDialog
      opened
      title={`Cancel instance ${id}`}
      confirmLabel="Cancel the instance"
      danger
      pending={cancel.isPending}
      error={cancel.error}
      onConfirm={() => cancel.mutate()}
      onClose={onClose}
    >
      <div className={classes.column}>
        <span>
          Its jobs are told to stop, and it ends when they have. What they have done by then stays done.
        </span>
        <TextInput
          label="Why"
          description="Stands beside its state and in the audit trail."
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
      </div>
    </ConfirmDialog>
  );
}
