/** What can be done with an action now, and if not, why: the same rules the server applies. */
import type { ActionDefinition, NamedUser, Permission, SavedAction, User } from "~/api/types";

type Missing = (permission: Permission) => string | undefined;
type Facts = Pick<SavedAction, "version" | "draft_differs" | "may_run" | "organization_id" | "department_id">;
export type Caller = Pick<User, "id" | "bindings">;

/** What only its page knows. */
export interface ActionKnown {
  used_by?: NamedUser[];
  draft?: Pick<ActionDefinition, "runners">;
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

export function actionReasons(action: Facts & ActionKnown, missing: Missing, caller: Caller): ActionReasons {
  const manage = missing("jobs.manage");
  const run = manage ?? (action.may_run ? undefined : STRANGER);
  const trying = mayTry(action, caller);
  const change = manage ?? (action.may_run && trying ? undefined : changeReason(missing));
  const deployed = action.version ? undefined : "It is not deployed: deploy its draft first";
  return {
    run: run ?? deployed,
    tryDraft: manage ?? (trying ? undefined : STRANGER),
    schedule: run ?? deployed,
    edit: change,
    clone: change,
    deploy:
      change ?? (action.draft_differs ? undefined : `The draft says what version ${action.version} says`),
    remove: change ?? usedReason(action.used_by ?? []),
  };
}

const STRANGER = "You are not among those who may run it";

/** A list does not say whom a draft that differs is for: that is told when it is tried. */
function mayTry(action: Facts & ActionKnown, caller: Caller): boolean {
  if (action.draft) {
    return isRunner(action.draft, action, caller);
  }
  return Boolean(action.version && action.draft_differs) || action.may_run;
}

/** Why a version cannot become the draft: it is for others. */
export function restoreReason(
  version: Pick<ActionDefinition, "runners">,
  action: Facts,
  missing: Missing,
  caller: Caller,
): string | undefined {
  return isRunner(version, action, caller) ? undefined : changeReason(missing);
}

/** Who gives out rights there may mend an action that is for others. */
const changeReason = (missing: Missing): string | undefined =>
  missing("users.manage") &&
  `${STRANGER}, and only they and whoever has the permission users.manage there may change it`;

function isRunner(
  { runners = [] }: Pick<ActionDefinition, "runners">,
  place: Pick<Facts, "organization_id" | "department_id">,
  { id, bindings }: Caller,
): boolean {
  const holds = (role: string) => bindings.some((one) => one.role === role && covers(one.scope, place));
  return (
    runners.length === 0 ||
    runners.some((runner) => {
      const [kind, name = ""] = runner.split(":");
      // As administrators are called for short.
      return kind === "user" ? name === String(id) : holds(name === "admin" ? "administrator" : name);
    })
  );
}

function covers(
  scope: Caller["bindings"][number]["scope"],
  place: Pick<Facts, "organization_id" | "department_id">,
): boolean {
  switch (scope.kind) {
    case "organization":
      return scope.id === place.organization_id;
    case "department":
      return scope.id === place.department_id;
    default:
      return true;
  }
}

export function usedReason(users: NamedUser[]): string | undefined {
  return users.length > 0
    ? `It is used by ${users.map(({ kind, name }) => `${kind} ${name}`).join(", ")}: change those first`
    : undefined;
}
