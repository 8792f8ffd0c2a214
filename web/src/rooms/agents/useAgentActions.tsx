import { Modal } from "@mantine/core";
import {
  IconActivity,
  IconKey,
  IconPencil,
  IconPlayerPlay,
  IconPower,
  IconShieldCheck,
  IconTrash,
  IconX,
} from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer } from "~/api/problem";
import type { Agent, AgentEnrollment } from "~/api/types";
import { useMissing } from "~/app/session";
import type { Action } from "~/ui/ActionMenu";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { toastDone, toastProblem } from "~/ui/toast";
import { agentKey } from "./api";
import { EditAgentDialog } from "./EditAgentDialog";
import { EnrollmentView } from "./EnrollmentView";
import { agentReasons } from "./rules";

type Asked = { what: "edit" | "revoke" | "remove" | "revokeAndRemove" | "enroll"; agent: Agent };

interface AgentActions {
  actions: (agent: Agent) => (Action | "divider")[];
  dialogs: ReactNode;
}

/** Everything that can be done with one agent, for its row and for its page. */
export function useAgentActions(onRemoved: () => void = () => {}): AgentActions {
  const missing = useMissing();
  const navigate = useNavigate();
  const client = useQueryClient();
  const intent = useIntent();
  const [asked, setAsked] = useState<Asked>();
  const [enrollment, setEnrollment] = useState<AgentEnrollment>();
  const refresh = () => client.invalidateQueries({ queryKey: agentKey });
  const close = () => setAsked(undefined);

  const revoke = useMutation({
    mutationFn: (agent: Agent) =>
      answer(api.POST("/api/v1/agents/{id}/revoke", { params: { path: { id: agent.id } } })),
    onSuccess: async (agent) => {
      await refresh();
      toastDone(`The credential of ${agent.name} is revoked`);
      close();
    },
  });
  const remove = useMutation({
    mutationFn: ({ agent, what }: Asked) =>
      answer(
        api.DELETE("/api/v1/agents/{id}", {
          params: { path: { id: agent.id }, query: what === "revokeAndRemove" ? { revoke: true } : {} },
        }),
      ),
    onSuccess: async (_, { agent }) => {
      close();
      onRemoved();
      toastDone(`${agent.name} is deleted`);
      client.removeQueries({ queryKey: [...agentKey, "show", agent.id] });
      await refresh();
    },
  });
  const enroll = useMutation({
    mutationFn: (agent: Agent) =>
      answer(
        api.POST("/api/v1/agents/{id}/enrollment-token", {
          params: { path: { id: agent.id } },
          headers: intent.headers({ enroll: agent.id }),
        }),
      ),
    onSuccess: async (made) => {
      intent.done();
      close();
      setEnrollment(made);
      await refresh();
    },
  });
  const activate = useMutation({
    mutationFn: (agent: Agent) =>
      answer(
        api.PATCH("/api/v1/agents/{id}", {
          params: { path: { id: agent.id } },
          body: { active: !agent.active },
        }),
      ),
    onSuccess: async (agent) => {
      await refresh();
      toastDone(agent.active ? `${agent.name} is active again` : `${agent.name} gets no more work`);
    },
    onError: (error) => toastProblem("The agent is as it was", error),
  });

  const ask = (what: Asked["what"], agent: Agent) => {
    revoke.reset();
    remove.reset();
    enroll.reset();
    setAsked({ what, agent });
  };

  const actions = (agent: Agent): (Action | "divider")[] => {
    const reasons = agentReasons(agent, missing);
    return [
      {
        label: "Run a job",
        icon: IconPlayerPlay,
        reason: reasons.run,
        onSelect: () => void navigate({ to: "/jobs/new", search: { agent: [agent.name] } }),
      },
      {
        label: "Commands",
        icon: IconActivity,
        reason: reasons.jobs,
        onSelect: () => void navigate({ to: "/jobs", search: { filter: [`agent:${agent.id}`] } }),
      },
      {
        label: "View audit",
        icon: IconShieldCheck,
        reason: reasons.audit,
        onSelect: () => void navigate({ to: "/audit", search: { filter: [`object:agent:${agent.id}`] } }),
      },
      "divider",
      { label: "Edit", icon: IconPencil, reason: reasons.edit, onSelect: () => ask("edit", agent) },
      {
        label: agent.active ? "Switch off (no work)" : "Switch on",
        icon: IconPower,
        reason: reasons.edit,
        onSelect: () => activate.mutate(agent),
      },
      {
        label: "New enrolment token",
        icon: IconKey,
        reason: reasons.enroll,
        onSelect: () => ask("enroll", agent),
      },
      "divider",
      {
        label: "Revoke",
        icon: IconX,
        danger: true,
        reason: reasons.revoke,
        onSelect: () => ask("revoke", agent),
      },
      {
        label: "Delete",
        icon: IconTrash,
        danger: true,
        reason: reasons.remove,
        onSelect: () => ask("remove", agent),
      },
      {
        label: "Revoke and delete",
        icon: IconTrash,
        danger: true,
        reason: reasons.revokeAndRemove,
        onSelect: () => ask("revokeAndRemove", agent),
      },
    ];
  };

  const name = asked?.agent.name ?? "";
  const dialogs = (
    <>
      {asked?.what === "edit" && <EditAgentDialog agent={asked.agent} onClose={close} />}
      <ConfirmDialog
        opened={asked?.what === "revoke"}
        title={`Revoke ${name}`}
        confirmLabel="Revoke"
        danger
        pending={revoke.isPending}
        error={revoke.error}
        onConfirm={() => asked && revoke.mutate(asked.agent)}
        onClose={close}
      >
        Its credential stops working within 5 seconds, on open connections too. Jobs that run on the host are
        not stopped. A new enrolment token lets it back in.
      </ConfirmDialog>
      <ConfirmDialog
        opened={asked?.what === "remove" || asked?.what === "revokeAndRemove"}
        title={asked?.what === "remove" ? `Delete ${name}` : `Revoke and delete ${name}`}
        confirmLabel={asked?.what === "remove" ? "Delete" : "Revoke and delete"}
        danger
        pending={remove.isPending}
        error={remove.error}
        onConfirm={() => asked && remove.mutate(asked)}
        onClose={close}
      >
        {asked?.what === "remove"
          ? "The agent disappears from all lists. The audit trail keeps what was done with it."
          : "Its credential is revoked and the agent deleted in one step. The audit trail keeps what was done with it."}
      </ConfirmDialog>
      <ConfirmDialog
        opened={asked?.what === "enroll"}
        title={`New enrolment token for ${name}`}
        confirmLabel="Make a token"
        pending={enroll.isPending}
        error={enroll.error}
        onConfirm={() => asked && enroll.mutate(asked.agent)}
        onClose={close}
      >
        The token lets one host join as this agent, for example after the command was lost, or after the
        credential was locked or revoked. A token made earlier and not used stops working.
      </ConfirmDialog>
      <Modal
        opened={enrollment !== undefined}
        onClose={() => setEnrollment(undefined)}
        closeOnClickOutside={false}
        size="xl"
        title={enrollment ? `Start ${enrollment.agent.name}` : ""}
      >
        {enrollment && <EnrollmentView enrollment={enrollment} onClose={() => setEnrollment(undefined)} />}
      </Modal>
    </>
  );
  return { actions, dialogs };
}
