/** What can be done with an agent now, and if not, why: the same rules the server applies. */
import type { Agent, Permission } from "~/api/types";

type Missing = (permission: Permission) => string | undefined;

export interface AgentReasons {
  edit: string | undefined;
  revoke: string | undefined;
  remove: string | undefined;
  revokeAndRemove: string | undefined;
  enroll: string | undefined;
  run: string | undefined;
  jobs: string | undefined;
  audit: string | undefined;
}

export function agentReasons(agent: Agent, missing: Missing): AgentReasons {
  const manage = missing("agents.manage");
  const live = agent.credential === "live" || agent.credential === "locked";
  return {
    edit: manage,
    revoke: manage ?? (live ? undefined : NOT_LIVE[agent.credential]),
    remove: manage ?? (live ? "Its credential is live: use revoke and delete" : undefined),
    revokeAndRemove: manage ?? (live ? undefined : "There is no live credential: use delete"),
    enroll: missing("agents.install"),
    run: missing("jobs.manage"),
    jobs: missing("jobs.view"),
    audit: missing("audit.view"),
  };
}

const NOT_LIVE: Record<string, string> = {
  none: "It has not enrolled yet: there is no credential",
  revoked: "Its credential is revoked already",
  expired: "Its credential has expired already",
};
