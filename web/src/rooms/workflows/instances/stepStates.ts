/** How the steps of an instance are doing, in words and colours. */
import { IconHandStop, IconPlayerPause, type TablerIcon } from "@tabler/icons-react";
import type { Tone } from "~/ui/Pill";
import type { StepState } from "./progress";

type StepTone = Extract<Tone, "good" | "busy" | "wait" | "warn" | "bad">;

export const STEP_STATE: Record<StepState, { label: string; tone: StepTone; icon?: TablerIcon }> = {
  running: { label: "Running", tone: "busy" },
  waiting: { label: "Waiting", tone: "warn", icon: IconPlayerPause },
  succeeded: { label: "Succeeded", tone: "good" },
  failed: { label: "Failed", tone: "bad" },
  cancelled: { label: "Cancelled", tone: "wait", icon: IconHandStop },
};
