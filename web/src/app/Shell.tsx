import { ActionIcon, Drawer, Menu, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconBell,
  IconBolt,
  IconBooks,
  IconBuilding,
  IconCalendarOff,
  IconCalendarTime,
  IconChevronUp,
  IconCode,
  IconKey,
  IconListDetails,
  IconLogout,
  IconMenu2,
  IconPlayerTrackNext,
  IconRoute,
  IconServer2,
  IconServerBolt,
  IconShieldCheck,
  IconSitemap,
  IconUserCheck,
  IconUserCircle,
  IconUsers,
  type TablerIcon,
} from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useRouter, useRouterState } from "@tanstack/react-router";
import { type ComponentType, useLayoutEffect, useRef, useState } from "react";
import { api } from "~/api/client";
import { ApiProblem, answer } from "~/api/problem";
import type { Permission } from "~/api/types";
import { WaitingCount } from "~/rooms/approvals/WaitingCount";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { toastProblem } from "~/ui/toast";
import { ColorSchemeMenu } from "./ColorSchemeMenu";
import { Logo } from "./Logo";
import classes from "./Shell.module.css";
import { SignedOut } from "./SignedOut";
import { leaveSession, useMissing, useSession } from "./session";
import { useSessionWatch } from "./sessionWatch";
import { hasEdit } from "./unsaved";

interface Place {
  to:
    | "/agents"
    | "/groups"
    | "/jobs"
    | "/executions"
    | "/scripts"
    | "/libraries"
    | "/actions"
    | "/workflows"
    | "/instances"
    | "/approvals"
    | "/schedules"
    | "/calendars"
    | "/notifications"
    | "/audit"
    | "/users"
    | "/organizations"
    | "/tokens";
  label: string;
  icon: TablerIcon;
  permission?: Permission;
  /** Behind the label. */
  count?: ComponentType;
}

const OPERATE: Place[] = [
  { to: "/agents", label: "Agents", icon: IconServer2, permission: "agents.view" },
  { to: "/groups", label: "Host groups", icon: IconServerBolt, permission: "agents.view" },
  { to: "/jobs", label: "Jobs", icon: IconListDetails, permission: "jobs.view" },
  { to: "/executions", label: "Executions", icon: IconPlayerTrackNext, permission: "jobs.view" },
];

const LIBRARY: Place[] = [
  { to: "/scripts", label: "Scripts", icon: IconCode, permission: "scripts.view" },
  { to: "/libraries", label: "Libraries", icon: IconBooks, permission: "scripts.view" },
  { to: "/actions", label: "Actions", icon: IconBolt, permission: "jobs.view" },
];

const FLOW: Place[] = [
  { to: "/workflows", label: "Workflows", icon: IconSitemap, permission: "workflows.view" },
  { to: "/instances", label: "Instances", icon: IconRoute, permission: "workflows.view" },
  {
    to: "/approvals",
    label: "Approvals",
    icon: IconUserCheck,
    permission: "workflows.view",
    count: WaitingCount,
  },
];

const PLAN: Place[] = [
  { to: "/schedules", label: "Schedules", icon: IconCalendarTime, permission: "jobs.view" },
  { to: "/calendars", label: "Calendars", icon: IconCalendarOff, permission: "jobs.view" },
];

const GOVERN: Place[] = [
  { to: "/notifications", label: "Notifications", icon: IconBell, permission: "workflows.view" },
  { to: "/audit", label: "Audit", icon: IconShieldCheck, permission: "audit.view" },
  { to: "/users", label: "Users & access", icon: IconUsers, permission: "users.manage" },
  { to: "/organizations", label: "Organizations", icon: IconBuilding },
  { to: "/tokens", label: "API tokens", icon: IconKey },
];

export function Shell() {
  const [menu, { open, close }] = useDisclosure(false);
  const main = useRef<HTMLElement>(null);
  const owner = useOwner();
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page begins at its top
  useLayoutEffect(() => {
    // In a block: what scrolling gives back is no business of React.
    main.current?.scrollTo(0, 0);
  }, [path]);
  return (
    <div className={classes.shell}>
      <a href="#main" className={classes.skip}>
        Skip to the content
      </a>
      <div className={classes.side}>
        <Navigation onGo={close} />
      </div>
      <header className={classes.top}>
        <ActionIcon variant="transparent" className={classes.burger} aria-label="Open menu" onClick={open}>
          <IconMenu2 size={20} aria-hidden />
        </ActionIcon>
        <Logo />
      </header>
      <Drawer.Root opened={menu} onClose={close} size={248} lockScroll={false}>
        <Drawer.Overlay />
        <Drawer.Content aria-label="Menu" className={classes.drawer}>
          <Drawer.Body className={classes.drawerBody}>
            <Navigation onGo={close} />
          </Drawer.Body>
        </Drawer.Content>
      </Drawer.Root>
      <main ref={main} id="main" className={classes.main} tabIndex={-1}>
        <Outlet key={owner} />
      </main>
      <SignedOut />
    </div>
  );
}

/** Whose page it is: nothing of it is left for somebody else. It stays theirs until it is left. */
function useOwner(): number {
  const { id } = useSession().user;
  const owner = useRef(id);
  if (id !== 0) {
    owner.current = id;
  }
  return owner.current;
}

function Navigation({ onGo }: { onGo: () => void }) {
  return (
    <nav className={classes.nav} aria-label="Main">
      <div className={classes.brand}>
        <Logo />
      </div>
      <Places places={OPERATE} onGo={onGo} />
      <div className={classes.section}>Code</div>
      <Places places={LIBRARY} onGo={onGo} />
      <div className={classes.section}>Flow</div>
      <Places places={FLOW} onGo={onGo} />
      <div className={classes.section}>Plan</div>
      <Places places={PLAN} onGo={onGo} />
      <div className={classes.section}>Oversight</div>
      <Places places={GOVERN} onGo={onGo} />
      <div className={classes.foot}>
        <UserMenu onGo={onGo} />
        <ColorSchemeMenu />
      </div>
    </nav>
  );
}

function Places({ places, onGo }: { places: Place[]; onGo: () => void }) {
  const missing = useMissing();
  return (
    <ul className={classes.places}>
      {places.map(({ to, label, icon: Icon, permission, count: Count }) => {
        const reason = permission && missing(permission);
        return (
          <li key={to}>
            {reason ? (
              <span className={classes.place} data-blocked title={reason}>
                <Icon size={17} stroke={1.75} aria-hidden />
                {label}
                <span className="visually-hidden"> (not available: {reason})</span>
              </span>
            ) : (
              <Link to={to} className={classes.place} activeProps={{ "data-active": true }} onClick={onGo}>
                <Icon size={17} stroke={1.75} aria-hidden />
                {label}
                {Count && <Count />}
              </Link>
            )}
          </li>
        );
      })}
    </ul>
  );
}

function UserMenu({ onGo }: { onGo: () => void }) {
  const { user } = useSession();
  const client = useQueryClient();
  const router = useRouter();
  const watch = useSessionWatch();
  const [asking, setAsking] = useState(false);
  const signOut = useMutation({
    mutationFn: endSession,
    onSuccess: async () => {
      leaveSession(client);
      watch.tell();
      await router.navigate({ to: "/sign-in", ignoreBlocker: true });
    },
    onError: (error) => toastProblem("You are still signed in", error),
    onSettled: () => setAsking(false),
  });
  return (
    <Menu position="top-start" width={200}>
      <Menu.Target>
        <UnstyledButton className={classes.user}>
          <span className="visually-hidden">Account of </span>
          <span className={classes.initial} aria-hidden>
            {user.username.slice(0, 1).toUpperCase()}
          </span>
          <span className={classes.userName}>{user.display_name || user.username}</span>
          <IconChevronUp size={14} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Signed in as {user.username}</Menu.Label>
        <Menu.Item
          leftSection={<IconUserCircle size={15} aria-hidden />}
          onClick={() => {
            onGo();
            void router.navigate({ to: "/account" });
          }}
        >
          Account
        </Menu.Item>
        <Menu.Item
          leftSection={<IconLogout size={15} aria-hidden />}
          onClick={() => (hasEdit() ? setAsking(true) : signOut.mutate())}
        >
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
      <ConfirmDialog
        opened={asking}
        title="Sign out without saving?"
        confirmLabel="Sign out and lose the edit"
        danger
        pending={signOut.isPending}
        onConfirm={() => signOut.mutate()}
        onClose={() => setAsking(false)}
      >
        What you changed on this page is not saved.
      </ConfirmDialog>
    </Menu>
  );
}

/** One that has ended already is as good. */
async function endSession(): Promise<void> {
  try {
    await answer(api.DELETE("/api/v1/session"));
  } catch (error) {
    if (!(error instanceof ApiProblem && error.status === 401)) {
      throw error;
    }
  }
}
