/** How the state of an action's draft and those who may run it are said. */
import { IconCircleCheck, IconCircleDashed, IconPencil, type TablerIcon } from "@tabler/icons-react";
import type { Role, SavedAction } from "~/api/types";
import { ROLE } from "~/rooms/identity/words";
import type { Tone } from "~/ui/Pill";

interface StateWords {
  label: string;
  tone: Tone;
  icon: TablerIcon;
  help: string;
}

export function draftState({
  version,
  draft_differs: differs,
}: Pick<SavedAction, "version" | "draft_differs">): StateWords {
  if (!version) {
    return {
      label: "Not deployed",
      tone: "wait",
      icon: IconCircleDashed,
      help: "It runs once its draft is deployed",
    };
  }
  return differs
    ? {
        label: "Draft differs",
        tone: "warn",
        icon: IconPencil,
        help: `Version ${version} runs until the draft is deployed`,
      }
    : {
        label: "Deployed",
        tone: "good",
        icon: IconCircleCheck,
        help: `The draft says what version ${version} says`,
      };
}

/** `role:operator` and `user:5` in words. `users` are names by id, as far as they are known. */
export function runnerWords(runner: string, users: ReadonlyMap<number, string>): string {
  const [kind, name = ""] = runner.split(":");
  if (kind === "user") {
    return users.get(Number(name)) ?? `User ${name}`;
  }
  return kind === "role" ? `${ROLE[name as Role] ?? name} (role)` : runner;
}
