import { IconKey, IconLock } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Binding, Permission } from "~/api/types";
import { useSession } from "~/app/session";
import { ActionButton } from "~/ui/ActionButton";
import { dateTime } from "~/ui/format";
import { LinkButton } from "~/ui/LinkButton";
import { Facts, Page, Panel } from "~/ui/Page";
import { RelativeTime } from "~/ui/RelativeTime";
import { ErrorState, LoadingLines } from "~/ui/states";
import classes from "./AccountPage.module.css";
import { rolesOptions } from "./api";
import { OwnPasswordDialog, usePlaces } from "./UserDialogs";
import { PERMISSION, ROLE, scopeKey, scopeText } from "./words";

/** Who is signed in, and what they may do where. */
export function AccountPage() {
  const { user, expires_at: expiresAt } = useSession();
  const [changing, setChanging] = useState(false);
  return (
    <Page
      title="Account"
      actions={
        <>
          <LinkButton
            to="/tokens"
            variant="default"
            leftSection={<IconKey size={15} stroke={1.75} aria-hidden />}
          >
            API tokens
          </LinkButton>
          <ActionButton label="Change password" icon={IconLock} onClick={() => setChanging(true)} />
        </>
      }
    >
      <Panel title="You">
        <Facts
          facts={[
            ["User name", user.username],
            ["Name", user.display_name || "–"],
            ["E-mail address", user.email ?? "–"],
            ["Created", dateTime(user.created_at)],
            ["Last sign-in", <RelativeTime key="last" at={user.last_sign_in_at} />],
            ["This session ends", <RelativeTime key="end" at={expiresAt} />],
          ]}
        />
      </Panel>
      <Panel title="Roles" flush>
        <Roles bindings={user.bindings} tenant={user.tenant_id} />
      </Panel>
      {changing && <OwnPasswordDialog onClose={() => setChanging(false)} />}
    </Page>
  );
}

function Roles({ bindings, tenant }: { bindings: Binding[]; tenant: number }) {
  const roles = useQuery(rolesOptions);
  const places = usePlaces(tenant);
  if (bindings.length === 0) {
    return <p className={classes.none}>No role: nothing can be seen or done. Ask an administrator.</p>;
  }
  if (roles.isPending) {
    return <LoadingLines lines={3} />;
  }
  if (roles.error) {
    return <ErrorState error={roles.error} onRetry={() => void roles.refetch()} />;
  }
  const permissions = (binding: Binding): Permission[] =>
    roles.data.find((one) => one.role === binding.role)?.permissions ?? [];
  return (
    <ul className={classes.roles} aria-label="Roles">
      {bindings.map((binding) => (
        <li key={`${binding.role} ${scopeKey(binding.scope)}`}>
          <div>
            <strong>{ROLE[binding.role]}</strong> <span className="dim">at</span>{" "}
            {scopeText(binding.scope, places)}
          </div>
          <ul className={classes.permissions} aria-label={`What ${ROLE[binding.role]} may do`}>
            {permissions(binding).map((permission) => (
              <li key={permission}>
                <span>{PERMISSION[permission]}</span> <code className="dim">{permission}</code>
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ul>
  );
}
