/** What can be done with an action now, and if not, why: the same rules the server applies. */
import type { NamedUser, Permission, SavedAction } from "~/api/types";

type Missing = (permission: Permission) => string | undefined;
type Facts = Pick<SavedAction, "version" | "draft_differs" | "may_run">;

/** What only its page knows. */
export interface ActionKnown {
  used_by?: NamedUser[];
}

export interface ActionReasons {
  run: string | undefined;
  tryDraft: string | undefined;
  schedule: string | undefined;
  edit: string | undefined;
  clone: string | undefined;
  deploy: string | undefined;
  remove: string | undefined;
}

export function actionReasons(action: Facts & ActionKnown, missing: Missing): ActionReasons {
  const manage = missing("jobs.manage");
  const stranger = action.may_run ? undefined : "You are not among those who may run it";
  const run = manage ?? stranger;
  // Who may run a draft that differs is not known before it is tried.
  const tryDraft = manage ?? (action.version && action.draft_differs ? undefined : stranger);
  const deployed = action.version ? undefined : "It is not deployed: deploy its draft first";
  return {
    run: run ?? deployed,
    tryDraft,
    schedule: run ?? deployed,
    edit: manage,
    clone: manage,
    deploy:
      manage ?? (action.draft_differs ? undefined : `The draft says what version ${action.version} says`),
    remove: manage ?? usedReason(action.used_by ?? []),
  };
}

export function usedReason(users: NamedUser[]): string | undefined {
  return users.length > 0
    ? `It is used by ${users.map(({ kind, name }) => `${kind} ${name}`).join(", ")}: change those first`
    : undefined;
}
