import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { parseSearch, readTableSearch, stringifySearch, text, texts } from "~/ui/table/urlState";
import { NotFoundPage, RouteErrorPage } from "./pages";
import { safeReturn } from "./returnTo";
import { Shell } from "./Shell";
import { sessionOptions } from "./session";

const root = createRootRouteWithContext<{ queryClient: QueryClient }>()({
  component: Outlet,
  notFoundComponent: NotFoundPage,
  errorComponent: RouteErrorPage,
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (raw: Record<string, unknown>): { return?: string; ended?: string } => ({
    return: text(raw["return"]),
    ended: text(raw["ended"]),
  }),
  beforeLoad: async ({ context, search }) => {
    const session = await context.queryClient.ensureQueryData(sessionOptions);
    if (session) {
      throw redirect({ href: safeReturn(search.return) });
    }
  },
  component: lazyRouteComponent(() => import("~/rooms/identity/SignInPage"), "SignInPage"),
});

/** Everything behind the sign-in. */
const app = createRoute({
  getParentRoute: () => root,
  id: "app",
  beforeLoad: async ({ context, location }) => {
    const session = await context.queryClient.ensureQueryData(sessionOptions);
    if (!session) {
      throw redirect({ to: "/sign-in", search: { return: location.href } });
    }
  },
  component: Shell,
});

const home = createRoute({
  getParentRoute: () => app,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/agents" });
  },
});

const agents = createRoute({
  getParentRoute: () => app,
  path: "/agents",
  validateSearch: readTableSearch,
  component: lazyRouteComponent(() => import("~/rooms/agents/AgentsPage"), "AgentsPage"),
});

const agent = createRoute({
  getParentRoute: () => app,
  path: "/agents/$agentId",
  component: lazyRouteComponent(() => import("./AgentWithJobs"), "AgentWithJobs"),
});

const jobs = createRoute({
  getParentRoute: () => app,
  path: "/jobs",
  validateSearch: readTableSearch,
  component: lazyRouteComponent(() => import("~/rooms/jobs/JobsPage"), "JobsPage"),
});

/** What the form starts with: hosts by name, or everything of an earlier job. */
const run = createRoute({
  getParentRoute: () => app,
  path: "/jobs/new",
  validateSearch: (raw: Record<string, unknown>): { agent?: string[]; from?: string } => ({
    agent: texts(raw["agent"]).length > 0 ? texts(raw["agent"]) : undefined,
    from: text(raw["from"]),
  }),
  component: lazyRouteComponent(() => import("~/rooms/jobs/RunPage"), "RunPage"),
});

const job = createRoute({
  getParentRoute: () => app,
  path: "/jobs/$jobId",
  validateSearch: (raw: Record<string, unknown>): { attempt?: string; view?: string } => ({
    attempt: text(raw["attempt"]),
    view: text(raw["view"]),
  }),
  component: lazyRouteComponent(() => import("~/rooms/jobs/JobPage"), "JobPage"),
});

const audit = createRoute({
  getParentRoute: () => app,
  path: "/audit",
  validateSearch: readTableSearch,
  component: lazyRouteComponent(() => import("~/rooms/audit/AuditPage"), "AuditPage"),
});

const users = createRoute({
  getParentRoute: () => app,
  path: "/users",
  validateSearch: readTableSearch,
  component: lazyRouteComponent(() => import("~/rooms/identity/UsersPage"), "UsersPage"),
});

const organizations = createRoute({
  getParentRoute: () => app,
  path: "/organizations",
  validateSearch: readTableSearch,
  component: lazyRouteComponent(() => import("~/rooms/identity/OrganizationsPage"), "OrganizationsPage"),
});

const account = createRoute({
  getParentRoute: () => app,
  path: "/account",
  // Roles may have changed since the session was read.
  beforeLoad: async ({ context }) => {
    const session = await context.queryClient.fetchQuery({ ...sessionOptions, staleTime: 0 });
    if (!session) {
      throw redirect({ to: "/sign-in", search: { return: "/account", ended: "1" } });
    }
  },
  component: lazyRouteComponent(() => import("~/rooms/identity/AccountPage"), "AccountPage"),
});

const tokens = createRoute({
  getParentRoute: () => app,
  path: "/tokens",
  validateSearch: readTableSearch,
  component: lazyRouteComponent(() => import("~/rooms/identity/TokensPage"), "TokensPage"),
});

const routeTree = root.addChildren([
  signIn,
  app.addChildren([home, agents, agent, jobs, run, job, audit, users, organizations, tokens, account]),
]);

export function createAppRouter(queryClient: QueryClient) {
  return createRouter({
    routeTree,
    context: { queryClient },
    parseSearch,
    stringifySearch,
    defaultPreload: "intent",
    scrollRestoration: false,
    defaultErrorComponent: RouteErrorPage,
    defaultNotFoundComponent: NotFoundPage,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
