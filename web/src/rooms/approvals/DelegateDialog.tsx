import { Modal, Select } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "~/api/client";
import { answer } from "~/api/problem";
import type { ApprovalDetail, Asked } from "~/api/types";
import { useUserNames } from "~/rooms/scripts/actions/useUserNames";
import { DialogForm } from "~/rooms/scripts/saved/dialogs";
import { toastDone } from "~/ui/toast";
import { approvalKey, approvalOptions } from "./api";
import { starterOf } from "./rules";

interface DelegateDialogProps {
  approval: ApprovalDetail;
  from: Asked;
  onClose: () => void;
}

/** Somebody else is asked in the place of one who has not answered. */
export function DelegateDialog({ approval, from, onClose }: DelegateDialogProps) {
  const client = useQueryClient();
  const users = useUserNames();
  const [to, setTo] = useState<string | null>(null);
  const [incomplete, setIncomplete] = useState(false);
  const delegate = useMutation({
    mutationFn: (user: number) =>
      answer(
        api.POST("/api/v1/approvals/{id}/delegate", {
          params: { path: { id: approval.id } },
          body: { from: from.user_id, to: user },
        }),
      ),
    onSuccess: async (changed) => {
      client.setQueryData(approvalOptions(approval.id).queryKey, changed);
      onClose();
      toastDone(`${users.get(Number(to)) ?? "Somebody else"} is asked instead of ${from.name}`);
      await client.invalidateQueries({ queryKey: approvalKey });
    },
  });
  const taken = new Set([...approval.people.map(({ user_id }) => user_id), starterOf(approval.started_by)]);
  return (
    <Modal opened onClose={onClose} title={`Somebody else instead of ${from.name}`} size="md">
      <DialogForm
        submitLabel="Ask them instead"
        pending={delegate.isPending}
        error={delegate.error}
        onChange={() => delegate.error && delegate.reset()}
        onClose={onClose}
        onSubmit={() => (to === null ? setIncomplete(true) : delegate.mutate(Number(to)))}
      >
        {() => (
          <Select
            label="Who answers"
            description="They need the right to manage workflows there. Whoever started it, or was asked already, cannot."
            placeholder="Type to search by name"
            searchable
            data-autofocus
            data={[...users]
              .filter(([id]) => !taken.has(id))
              .map(([id, name]) => ({ value: String(id), label: name }))}
            value={to}
            error={incomplete && to === null ? "Choose who answers" : undefined}
            onChange={setTo}
          />
        )}
      </DialogForm>
    </Modal>
  );
}
