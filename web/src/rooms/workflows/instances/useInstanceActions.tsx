import { IconPlayerStop, IconRefresh, IconRotateClockwise, IconShieldCheck } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import type { Instance } from "~/api/types";
import { useMissing } from "~/app/session";
import type { Action } from "~/ui/ActionMenu";
import { cancelReason, rerunReason, retryReason } from "../rules";
import { AgainDialog } from "./AgainDialog";
import { CancelDialog } from "./CancelDialog";

type What = "retry" | "rerun" | "cancel";

/** Everything that can be done with one instance, for its row and for its page. */
export function useInstanceActions() {
  const missing = useMissing();
  const navigate = useNavigate();
  const [asked, setAsked] = useState<{ what: What; instance: Instance }>();
  const close = () => setAsked(undefined);
  const ask = (what: What, instance: Instance) => setAsked({ what, instance });
  const reasons = (instance: Instance) => ({
    retry: retryReason(instance, missing),
    rerun: rerunReason(instance, missing),
    cancel: cancelReason(instance, missing),
  });

  const actions = (instance: Instance): (Action | "divider")[] => {
    const why = reasons(instance);
    return [
      {
        label: "Retry from the failed step",
        icon: IconRotateClockwise,
        reason: why.retry,
        onSelect: () => ask("retry", instance),
      },
      { label: "Run again", icon: IconRefresh, reason: why.rerun, onSelect: () => ask("rerun", instance) },
      "divider",
      {
        label: "View audit",
        icon: IconShieldCheck,
        reason: missing("audit.view"),
        onSelect: () =>
          void navigate({ to: "/audit", search: { filter: [`object:instance:${instance.id}`] } }),
      },
      "divider",
      {
        label: "Cancel",
        icon: IconPlayerStop,
        danger: true,
        reason: why.cancel,
        onSelect: () => ask("cancel", instance),
      },
    ];
  };

  const dialogs: ReactNode = asked && (
    <>
      {asked.what === "cancel" && <CancelDialog instance={asked.instance} onClose={close} />}
      {asked.what !== "cancel" && <AgainDialog what={asked.what} instance={asked.instance} onClose={close} />}
    </>
  );
  return { actions, ask, reasons, dialogs };
}
