import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { api } from "~/api/client";
import { answer } from "~/api/problem";
import type { SavedAction } from "~/api/types";
import { scriptKey } from "../api";
import { CloneModal, ReleaseModal } from "../saved/dialogs";
import { actionKey } from "./api";

interface ActionDialogProps {
  action: SavedAction;
  onClose: () => void;
}

export function CloneDialog({ action, onClose }: ActionDialogProps) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const params = { path: { id: action.id } };
  return (
    <CloneModal
      of={action}
      copied={`the draft of ${action.name}`}
      send={(body, headers) => answer(api.POST("/api/v1/actions/{id}/clone", { params, body, headers }))}
      onMade={async (made) => {
        await client.invalidateQueries({ queryKey: actionKey });
        await navigate({ to: "/actions/$actionId", params: { actionId: String(made.id) } });
      }}
      onClose={onClose}
    />
  );
}

export function DeployDialog({ action, onClose }: ActionDialogProps) {
  const client = useQueryClient();
  const params = { path: { id: action.id } };
  return (
    <ReleaseModal
      verb="Deploy"
      of={action}
      send={(body, headers) => answer(api.POST("/api/v1/actions/{id}/deploy", { params, body, headers }))}
      onReleased={() =>
        Promise.all([
          client.invalidateQueries({ queryKey: actionKey }),
          // What its script is used by.
          client.invalidateQueries({ queryKey: scriptKey }),
        ])
      }
      onClose={onClose}
    >
      The draft becomes version {(action.version ?? 0) + 1}, which runs from now on, by hand and on schedules.
      A script in it is run with your right to it, whoever runs the action.
    </ReleaseModal>
  );
}
