/** How requests and what people answered are said. */
import { IconClockX, IconHandStop, IconPlayerPause, type TablerIcon } from "@tabler/icons-react";
import type { Approval, ApprovalState, Decision } from "~/api/types";
import { Pill, type Tone } from "~/ui/Pill";

export const APPROVAL_STATE: Record<ApprovalState, { label: string; tone: Tone; icon?: TablerIcon }> = {
  open: { label: "Open", tone: "warn", icon: IconPlayerPause },
  approved: { label: "Approved", tone: "good" },
  rejected: { label: "Rejected", tone: "bad" },
  expired: { label: "Expired", tone: "bad", icon: IconClockX },
  withdrawn: { label: "Withdrawn", tone: "wait", icon: IconHandStop },
};

export function ApprovalStatePill({ state, large }: { state: ApprovalState; large?: boolean }) {
  const { label, tone, icon } = APPROVAL_STATE[state];
  return (
    <Pill tone={tone} icon={icon} large={large}>
      {label}
    </Pill>
  );
}

export const DECISION: Record<Decision, { label: string; tone: Tone }> = {
  approve: { label: "Approved", tone: "good" },
  reject: { label: "Rejected", tone: "bad" },
};

/** `1 of 2 approvals`, or what it came to. */
export function progressWords({ people, needed }: Pick<Approval, "people" | "needed">): string {
  const given = people.filter(({ decision }) => decision === "approve").length;
  const against = people.filter(({ decision }) => decision === "reject").length;
  return `${given} of ${needed} needed${against > 0 ? `, ${against} against` : ""}`;
}
