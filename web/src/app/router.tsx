import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import {
  parseSearch,
  readTableSearch,
  stringifySearch,
  type TableSearch,
  text,
  texts,
} from "~/ui/table/urlState";
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

const groups = createRoute({
  getParentRoute: () => app,
  path: "/groups",
  validateSearch: readTableSearch,
  component: lazyRouteComponent(() => import("~/rooms/agents/GroupsPage"), "GroupsPage"),
});

const jobs = createRoute({
  getParentRoute: () => app,
  path: "/jobs",
  validateSearch: readTableSearch,
  component: lazyRouteComponent(() => import("~/rooms/jobs/JobsPage"), "JobsPage"),
});

const someTexts = (raw: unknown) => (texts(raw).length > 0 ? texts(raw) : undefined);

/** What the form starts with: hosts by name, or everything of an earlier job. */
const run = createRoute({
  getParentRoute: () => app,
  path: "/jobs/new",
  validateSearch: (raw: Record<string, unknown>): { agent?: string[]; group?: string[]; from?: string } => ({
    agent: someTexts(raw["agent"]),
    group: someTexts(raw["group"]),
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

const executions = createRoute({
  getParentRoute: () => app,
  path: "/executions",
  validateSearch: readTableSearch,
  component: lazyRouteComponent(() => import("~/rooms/jobs/ExecutionsPage"), "ExecutionsPage"),
});

const execution = createRoute({
  getParentRoute: () => app,
  path: "/executions/$executionId",
  validateSearch: (raw: Record<string, unknown>): TableSearch & { outputs?: string } => ({
    ...readTableSearch(raw),
    outputs: text(raw["outputs"]),
  }),
  component: lazyRouteComponent(() => import("~/rooms/jobs/ExecutionPage"), "ExecutionPage"),
});

const scripts = createRoute({
  getParentRoute: () => app,
  path: "/scripts",
  validateSearch: readTableSearch,
  component: lazyRouteComponent(() => import("~/rooms/scripts/ScriptsPage"), "ScriptsPage"),
});

const libraries = createRoute({
  getParentRoute: () => app,
  path: "/libraries",
  validateSearch: readTableSearch,
  component: lazyRouteComponent(() => import("~/rooms/scripts/LibrariesPage"), "LibrariesPage"),
});

/** The tab, and for the tab of versions which two are compared. */
const script = createRoute({
  getParentRoute: () => app,
  path: "/scripts/$scriptId",
  validateSearch: (raw: Record<string, unknown>): { tab?: string; before?: string; after?: string } => ({
    tab: text(raw["tab"]),
    before: text(raw["before"]),
    after: text(raw["after"]),
  }),
  component: lazyRouteComponent(() => import("~/rooms/scripts/ScriptPage"), "ScriptPage"),
});

const scriptRun = createRoute({
  getParentRoute: () => app,
  path: "/scripts/$scriptId/run",
  validateSearch: (raw: Record<string, unknown>): { agent?: string[]; version?: string } => ({
    agent: someTexts(raw["agent"]),
    version: text(raw["version"]),
  }),
  component: lazyRouteComponent(() => import("~/rooms/scripts/ScriptRunPage"), "ScriptRunPage"),
});

const actions = createRoute({
  getParentRoute: () => app,
  path: "/actions",
  validateSearch: readTableSearch,
  component: lazyRouteComponent(() => import("~/rooms/scripts/actions/ActionsPage"), "ActionsPage"),
});

const actionNew = createRoute({
  getParentRoute: () => app,
  path: "/actions/new",
  component: lazyRouteComponent(() => import("~/rooms/scripts/actions/ActionFormPage"), "NewActionPage"),
});

/** The tab, and for the tab of versions which two are compared. */
const action = createRoute({
  getParentRoute: () => app,
  path: "/actions/$actionId",
  validateSearch: (raw: Record<string, unknown>): { tab?: string; before?: string; after?: string } => ({
    tab: text(raw["tab"]),
    before: text(raw["before"]),
    after: text(raw["after"]),
  }),
  component: lazyRouteComponent(() => import("~/rooms/scripts/actions/ActionPage"), "ActionPage"),
});

const actionEdit = createRoute({
  getParentRoute: () => app,
  path: "/actions/$actionId/edit",
  component: lazyRouteComponent(() => import("~/rooms/scripts/actions/ActionFormPage"), "EditActionPage"),
});

/** The deployed version, or the draft to try it. */
const actionRun = createRoute({
  getParentRoute: () => app,
  path: "/actions/$actionId/run",
  validateSearch: (raw: Record<string, unknown>): { draft?: string } => ({ draft: text(raw["draft"]) }),
  component: lazyRouteComponent(() => import("~/rooms/scripts/actions/ActionRunPage"), "ActionRunPage"),
});

const workflows = createRoute({
  getParentRoute: () => app,
  path: "/workflows",
  validateSearch: readTableSearch,
  component: lazyRouteComponent(() => import("~/rooms/workflows/WorkflowsPage"), "WorkflowsPage"),
});

/** The tab, the step that is looked at first, and for the tab of versions which two are compared. */
const workflow = createRoute({
  getParentRoute: () => app,
  path: "/workflows/$workflowId",
  validateSearch: (
    raw: Record<string, unknown>,
  ): { tab?: string; step?: string; before?: string; after?: string } => ({
    tab: text(raw["tab"]),
    step: text(raw["step"]),
    before: text(raw["before"]),
    after: text(raw["after"]),
  }),
  component: lazyRouteComponent(() => import("~/rooms/workflows/WorkflowPage"), "WorkflowPage"),
});

/** The published version, or the draft to try it. */
const workflowRun = createRoute({
  getParentRoute: () => app,
  path: "/workflows/$workflowId/run",
  validateSearch: (raw: Record<string, unknown>): { draft?: string } => ({ draft: text(raw["draft"]) }),
  component: lazyRouteComponent(() => import("~/rooms/workflows/WorkflowRunPage"), "WorkflowRunPage"),
});

const instances = createRoute({
  getParentRoute: () => app,
  path: "/instances",
  validateSearch: readTableSearch,
  component: lazyRouteComponent(() => import("~/rooms/workflows/instances/InstancesPage"), "InstancesPage"),
});

/** How it is looked at, and the step whose runs are shown. */
const instance = createRoute({
  getParentRoute: () => app,
  path: "/instances/$instanceId",
  validateSearch: (raw: Record<string, unknown>): { tab?: string; step?: string } => ({
    tab: text(raw["tab"]),
    step: text(raw["step"]),
  }),
  component: lazyRouteComponent(() => import("~/rooms/workflows/instances/InstancePage"), "InstancePage"),
});

const approvals = createRoute({
  getParentRoute: () => app,
  path: "/approvals",
  validateSearch: readTableSearch,
  component: lazyRouteComponent(() => import("~/rooms/approvals/ApprovalsPage"), "ApprovalsPage"),
});

const approval = createRoute({
  getParentRoute: () => app,
  path: "/approvals/$approvalId",
  component: lazyRouteComponent(() => import("~/rooms/approvals/ApprovalPage"), "ApprovalPage"),
});

const schedules = createRoute({
  getParentRoute: () => app,
  path: "/schedules",
  validateSearch: readTableSearch,
  component: lazyRouteComponent(() => import("~/rooms/schedules/SchedulesPage"), "SchedulesPage"),
});

/** What the form starts with: a saved script, an action or a workflow, if one is named. */
const scheduleNew = createRoute({
  getParentRoute: () => app,
  path: "/schedules/new",
  validateSearch: (
    raw: Record<string, unknown>,
  ): { script?: string; action?: string; workflow?: string } => ({
    script: text(raw["script"]),
    action: text(raw["action"]),
    workflow: text(raw["workflow"]),
  }),
  component: lazyRouteComponent(() => import("~/rooms/schedules/ScheduleFormPage"), "NewSchedulePage"),
});

/** The month that is looked at, and the day in it. */
const schedule = createRoute({
  getParentRoute: () => app,
  path: "/schedules/$scheduleId",
  validateSearch: (raw: Record<string, unknown>): { month?: string; day?: string } => ({
    month: text(raw["month"]),
    day: text(raw["day"]),
  }),
  component: lazyRouteComponent(() => import("~/rooms/schedules/SchedulePage"), "SchedulePage"),
});

const scheduleEdit = createRoute({
  getParentRoute: () => app,
  path: "/schedules/$scheduleId/edit",
  component: lazyRouteComponent(() => import("~/rooms/schedules/ScheduleFormPage"), "EditSchedulePage"),
});

const calendars = createRoute({
  getParentRoute: () => app,
  path: "/calendars",
  validateSearch: readTableSearch,
  component: lazyRouteComponent(() => import("~/rooms/schedules/calendars/CalendarsPage"), "CalendarsPage"),
});

/** The tab, and the message that is shown. */
const notifications = createRoute({
  getParentRoute: () => app,
  path: "/notifications",
  validateSearch: (raw: Record<string, unknown>): TableSearch & { tab?: string; message?: string } => ({
    ...readTableSearch(raw),
    tab: text(raw["tab"]),
    message: text(raw["message"]),
  }),
  component: lazyRouteComponent(() => import("~/rooms/notify/NotifyPage"), "NotifyPage"),
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
  app.addChildren([
    home,
    agents,
    agent,
    groups,
    jobs,
    run,
    job,
    executions,
    execution,
    scripts,
    libraries,
    script,
    scriptRun,
    actions,
    actionNew,
    action,
    actionEdit,
    actionRun,
    workflows,
    workflow,
    workflowRun,
    instances,
    instance,
    approvals,
    approval,
    schedules,
    scheduleNew,
    schedule,
    scheduleEdit,
    calendars,
    notifications,
    audit,
    users,
    organizations,
    tokens,
    account,
  ]),
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
