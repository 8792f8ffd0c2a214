import { IconUnlink } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { NamedUser } from "~/api/types";
import { Panel } from "~/ui/Page";
import { EmptyState } from "~/ui/states";
import classes from "./ScriptPage.module.css";

interface UsedByTabProps {
  users: NamedUser[];
  /** What they do with it. */
  how: "link" | "run";
}

/** What is known of it here ends at what one may see, and at the newest versions. */
const UNUSED = {
  link: {
    title: "No newest version links it",
    text: "It can be deleted unless an older version links it, which can still be run, or something that you may not see does. The refusal says so.",
  },
  run: {
    title: "Nothing runs it",
    text: "It can be deleted unless something that you may not see runs it. The refusal says so.",
  },
};

/** What would miss it. */
export function UsedByTab({ users, how }: UsedByTabProps) {
  return (
    <Panel>
      {users.length === 0 ? (
        <EmptyState icon={IconUnlink} title={UNUSED[how].title}>
          {UNUSED[how].text}
        </EmptyState>
      ) : (
        <div className={classes.rows}>
          <p className="dim">It cannot be deleted while these {how} it.</p>
          <ul className={classes.users} aria-label="Used by">
            {users.map((user) => (
              <li key={`${user.kind}:${user.id}`}>
                <User user={user} /> <span className="dim">{user.kind}</span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </Panel>
  );
}

function User({ user: { kind, id, name } }: { user: NamedUser }) {
  switch (kind) {
    case "script":
      return (
        <Link to="/scripts/$scriptId" params={{ scriptId: String(id) }} className="link">
          {name}
        </Link>
      );
    case "action":
      return (
        <Link to="/actions/$actionId" params={{ actionId: String(id) }} className="link">
          {name}
        </Link>
      );
    case "schedule":
      return (
        <Link to="/schedules/$scheduleId" params={{ scheduleId: String(id) }} className="link">
          {name}
        </Link>
      );
    default:
      return name;
  }
}
