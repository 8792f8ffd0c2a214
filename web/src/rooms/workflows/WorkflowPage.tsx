import { Tabs } from "@mantine/core";
import { IconDeviceFloppy, IconPlayerPlay, IconRocket } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useCallback, useRef, useState } from "react";
import type { WorkflowDetail } from "~/api/types";
import { UnsavedGuard } from "~/app/UnsavedGuard";
import { actorName } from "~/rooms/jobs/words";
import { ActionButton } from "~/ui/ActionButton";
import { ActionMenu } from "~/ui/ActionMenu";
import { Page, Panel } from "~/ui/Page";
import { Pill } from "~/ui/Pill";
import { RelativeTime } from "~/ui/RelativeTime";
import { EmptyState, ErrorState, LoadingLines, ProblemAlert } from "~/ui/states";
import type { TableSearch } from "~/ui/table/urlState";
import { useSaveKey } from "~/ui/useSaveKey";
import { workflowOptions } from "./api";
import { InstanceTable } from "./instances/InstanceTable";
import { StepsTab } from "./StepsTab";
import { useStepCount } from "./useStepCount";
import { useWorkflowActions } from "./useWorkflowActions";
import { useWorkflowEditor } from "./useWorkflowEditor";
import { draftState } from "./words";
import classes from "./workflows.module.css";

const route = getRouteApi("/app/workflows/$workflowId");

// The editor is most of what this page weighs: it is loaded where code is looked at.
const CodeTab = lazy(() => import("./CodeTab").then(({ CodeTab }) => ({ default: CodeTab })));
const VersionsTab = lazy(() => import("./VersionsTab").then(({ VersionsTab }) => ({ default: VersionsTab })));
const NewerDraft = lazy(() => import("./NewerDraft").then(({ NewerDraft }) => ({ default: NewerDraft })));

const Back = () => (
  <Link to="/workflows" className="link">
    Workflows
  </Link>
);

export function WorkflowPage() {
  const { workflowId } = route.useParams();
  const query = useQuery(workflowOptions(Number(workflowId)));
  if (query.data) {
    return <WorkflowView key={query.data.id} workflow={query.data} />;
  }
  return (
    <Page title={`Workflow ${workflowId}`} back={<Back />}>
      <Panel>
        {query.error ? (
          <ErrorState error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <LoadingLines />
        )}
      </Panel>
    </Page>
  );
}

const TABS = ["steps", "code", "versions", "instances"];
const UNSAVED = "Save or drop your edit first";

function WorkflowView({ workflow }: { workflow: WorkflowDetail }) {
  const { tab, step } = route.useSearch();
  const navigate = route.useNavigate();
  const go = useNavigate();
  const editor = useWorkflowEditor(workflow);
  const [gone, setGone] = useState(false);
  const [line, setLine] = useState<number>();
  const edited = useRef<HTMLDivElement>(null);
  const steps = useStepCount(workflow, editor);
  const { actions, ask, run, reasons, dialogs } = useWorkflowActions({
    unsaved: editor.dirty ? UNSAVED : undefined,
    onUnfit: (problems) => void editor.doubt(problems),
    onRemoved: () => {
      setGone(true);
      void go({ to: "/workflows", ignoreBlocker: true });
    },
  });
  const why = reasons(workflow);
  const unsavable = why.edit ?? editor.reason;
  useSaveKey({ save: editor.save, dirty: editor.dirty, reason: unsavable });
  const show = (next: string | undefined) => void navigate({ search: { tab: next }, replace: true });
  const forgetStep = useCallback(
    () => void navigate({ search: (before) => ({ ...before, step: undefined }), replace: true }),
    [navigate],
  );
  const showLine = (wanted: number) => {
    setLine(wanted);
    show("code");
  };
  const { label, tone, icon, help } = draftState(workflow);
  const current = TABS.find((one) => one === tab) ?? "steps";
  const panel = (name: string, content: () => ReactNode) => (
    <Tabs.Panel value={name}>
      {current === name && <Suspense fallback={<LoadingLines />}>{content()}</Suspense>}
    </Tabs.Panel>
  );
  return (
    <Page
      title={workflow.name}
      back={<Back />}
      aside={
        <>
          <Pill tone={tone} icon={icon} large title={help}>
            {label}
          </Pill>
          <span className="dim">
            {workflow.version ? `version ${workflow.version} runs` : "nothing runs yet"}; draft by{" "}
            {actorName(workflow.updated_by)} <RelativeTime at={workflow.updated_at} />
            {editor.dirty && <strong> · not saved</strong>}
          </span>
        </>
      }
      actions={
        <>
          <ActionButton
            label="Save"
            icon={IconDeviceFloppy}
            variant={editor.dirty ? "filled" : "default"}
            reason={unsavable}
            loading={editor.saving}
            onClick={editor.save}
          />
          <ActionButton
            label="Publish"
            icon={IconRocket}
            reason={why.publish}
            onClick={() => ask("publish", workflow)}
          />
          <ActionButton
            label="Run"
            icon={IconPlayerPlay}
            variant={why.run || editor.dirty ? "default" : "filled"}
            reason={why.run}
            onClick={() => run(workflow)}
          />
          <ActionMenu label={`Actions for ${workflow.name}`} actions={actions(workflow)} large />
        </>
      }
    >
      {workflow.description && <p className={classes.description}>{workflow.description}</p>}
      {editor.outrun && (
        <Suspense>
          <NewerDraft id={workflow.id} editor={editor} within={edited} />
        </Suspense>
      )}
      {editor.refused !== undefined && <ProblemAlert error={editor.refused} />}
      <Tabs
        ref={edited}
        value={current}
        onChange={(next) => {
          setLine(undefined);
          show(next ?? undefined);
        }}
        className={classes.tabs}
      >
        <Tabs.List>
          <Tabs.Tab value="steps">Steps ({steps})</Tabs.Tab>
          <Tabs.Tab value="code">Code</Tabs.Tab>
          <Tabs.Tab value="versions">Versions</Tabs.Tab>
          <Tabs.Tab value="instances">Instances</Tabs.Tab>
        </Tabs.List>
        {panel("steps", () => (
          <StepsTab
            workflow={workflow}
            editor={editor}
            reason={why.edit}
            onCode={showLine}
            wanted={step}
            onShown={forgetStep}
          />
        ))}
        {panel("code", () => (
          <CodeTab editor={editor} readOnly={why.edit !== undefined} line={line} />
        ))}
        {panel("versions", () => (
          <VersionsTab workflow={workflow} reason={why.edit ?? (editor.dirty ? UNSAVED : undefined)} />
        ))}
        {panel("instances", () => (
          <Instances id={workflow.id} />
        ))}
      </Tabs>
      {dialogs}
      <UnsavedGuard name={workflow.name} dirty={editor.dirty && !gone} />
    </Page>
  );
}

/** Search and filters of this table live as long as the tab is looked at. */
function Instances({ id }: { id: number }) {
  const [search, setSearch] = useState<TableSearch>({});
  return (
    <div className={classes.column}>
      <InstanceTable
        search={search}
        setSearch={(change) => setSearch((before) => ({ ...before, ...change }))}
        of={id}
        empty={
          <EmptyState icon={IconPlayerPlay} title="It has not been run yet">
            Each run is listed here, with the version it began with.
          </EmptyState>
        }
      />
    </div>
  );
}
