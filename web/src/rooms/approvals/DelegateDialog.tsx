import { Modal, Select } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "~/api/client";
import { answer } from "~/api/problem";
import type { ApprovalDetail, Asked, RoleDescription, User } from "~/api/types";
import { rolesOptions, usersOptions } from "~/rooms/identity/api";
import { DialogForm } from "~/rooms/scripts/saved/dialogs";
import { toastDone } from "~/ui/toast";
import { approvalKey, approvalOptions } from "./api";
import { replacements } from "./rules";

interface DelegateDialogProps {
  approval: ApprovalDetail;
  from: Asked;
  onClose: () => void;
}

/** Somebody else is asked in the place of one who has not answered. */
export function DelegateDialog({ approval, from, onClose }: DelegateDialogProps) {
  const client = useQueryClient();
  const people = useQuery(usersOptions);
  const named = useQuery(rolesOptions);
  const { data: users = NOBODY } = people;
  const { data: roles = NO_ROLES } = named;
  const failed = people.error ?? named.error;
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
      toastDone(
        `${users.find(({ id }) => id === Number(to))?.username ?? "Somebody else"} is asked instead of ${from.name}`,
      );
      await client.invalidateQueries({ queryKey: approvalKey });
    },
  });
  return (
    <Modal opened onClose={onClose} title={`Somebody else instead of ${from.name}`} size="md">
      <DialogForm
        submitLabel="Ask them instead"
        pending={delegate.isPending}
        error={delegate.error ?? failed}
        onChange={() => delegate.error && delegate.reset()}
        onClose={onClose}
        onSubmit={() => (to === null ? setIncomplete(true) : delegate.mutate(Number(to)))}
      >
        {() => (
          <Select
            label="Who answers"
            description="Those who may manage workflows there and were not asked yet. Who started or retried it, or ran its schedule now, is among them if the step allows it."
            placeholder="Type to search by name"
            searchable
            data-autofocus
            nothingFoundMessage={
              people.isPending || named.isPending ? "Loading…" : "Nobody else may answer there"
            }
            data={replacements(approval, { users, roles }).map(({ id, username }) => ({
              value: String(id),
              label: username,
            }))}
            value={to}
            error={incomplete && to === null ? "Choose who answers" : undefined}
            onChange={setTo}
          />
        )}
      </DialogForm>
    </Modal>
  );
}

const NOBODY: User[] = [];
const NO_ROLES: RoleDescription[] = [];
