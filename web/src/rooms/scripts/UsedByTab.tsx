import { IconUnlink } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ScriptDetail } from "~/api/types";
import { Panel } from "~/ui/Page";
import { EmptyState } from "~/ui/states";
import classes from "./ScriptPage.module.css";

export function UsedByTab({ users }: { users: ScriptDetail["used_by"] }) {
  return (
    <Panel>
      {users.length === 0 ? (
        <EmptyState icon={IconUnlink} title="No script links it">
          It can be deleted.
        </EmptyState>
      ) : (
        <>
          <p className="dim">It cannot be deleted while these scripts link it.</p>
          <ul className={classes.users} aria-label="Used by">
            {users.map(({ id, name }) => (
              <li key={id}>
                <Link to="/scripts/$scriptId" params={{ scriptId: String(id) }} className="link">
                  {name}
                </Link>
              </li>
            ))}
          </ul>
        </>
      )}
    </Panel>
  );
}
