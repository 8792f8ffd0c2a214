import { Tabs } from "@mantine/core";
import { IconDeviceFloppy, IconPlayerPlay } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useRef, useState } from "react";
import type { ScriptDetail } from "~/api/types";
import { useMissing } from "~/app/session";
import { UnsavedGuard } from "~/app/UnsavedGuard";
import { ExecutionTable } from "~/rooms/jobs/ExecutionTable";
import { actorName, LANGUAGE } from "~/rooms/jobs/words";
import { ActionButton } from "~/ui/ActionButton";
import { ActionMenu } from "~/ui/ActionMenu";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { Page, Panel } from "~/ui/Page";
import { RelativeTime } from "~/ui/RelativeTime";
import { EmptyState, ErrorState, LoadingLines } from "~/ui/states";
import type { TableSearch } from "~/ui/table/urlState";
import { useSaveKey } from "~/ui/useSaveKey";
import { scriptOptions } from "./api";
import classes from "./ScriptPage.module.css";
import { SettingsTab } from "./SettingsTab";
import { UsedByTab } from "./UsedByTab";
import { runReason, useScriptActions } from "./useScriptActions";
import { type ScriptEditor, useScriptEditor } from "./useScriptEditor";
import { KIND } from "./words";

const route = getRouteApi("/app/scripts/$scriptId");

// The editor is most of what this page weighs: it is loaded where code is looked at.
const CodeTab = lazy(() => import("./CodeTab").then(({ CodeTab }) => ({ default: CodeTab })));
const VersionsTab = lazy(() => import("./VersionsTab").then(({ VersionsTab }) => ({ default: VersionsTab })));
const NewerVersion = lazy(() =>
  import("./NewerVersion").then(({ NewerVersion }) => ({ default: NewerVersion })),
);

const Back = ({ library }: { library?: boolean }) => (
  <Link to={library ? "/libraries" : "/scripts"} className="link">
    {library ? "Libraries" : "Scripts"}
  </Link>
);

export function ScriptPage() {
  const { scriptId } = route.useParams();
  const query = useQuery(scriptOptions(Number(scriptId)));
  if (query.data) {
    return <ScriptView key={query.data.id} script={query.data} />;
  }
  return (
    <Page title={`Script ${scriptId}`} back={<Back />}>
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

function ScriptView({ script }: { script: ScriptDetail }) {
  const { tab } = route.useSearch();
  const navigate = route.useNavigate();
  const go = useNavigate();
  const missing = useMissing();
  const library = script.kind === "library";
  const manage = missing("scripts.manage");
  const editor = useScriptEditor(script);
  const [gone, setGone] = useState(false);
  const edited = useRef<HTMLDivElement>(null);
  const { actions, dialogs } = useScriptActions(() => {
    setGone(true);
    void go({ to: library ? "/libraries" : "/scripts", ignoreBlocker: true });
  });
  const unsavable = manage ?? editor.reason;
  useSaveKey({ save: editor.save, dirty: editor.dirty, reason: unsavable });
  const tabs = library
    ? ["code", "versions", "used-by"]
    : ["code", "settings", "versions", "executions", "used-by"];
  const current = tabs.find((one) => one === tab) ?? "code";
  const panel = (name: string, content: () => ReactNode) => (
    <Tabs.Panel value={name}>
      {current === name && <Suspense fallback={<LoadingLines />}>{content()}</Suspense>}
    </Tabs.Panel>
  );

  return (
    <Page
      title={script.name}
      back={<Back library={library} />}
      aside={
        <span className="dim">
          {LANGUAGE[script.language].label} {KIND[script.kind].label.toLowerCase()}, version {script.version}{" "}
          by {actorName(script.updated_by)} <RelativeTime at={script.updated_at} />
          {editor.dirty && <strong> · not saved</strong>}
        </span>
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
            label="Run"
            icon={IconPlayerPlay}
            reason={
              runReason(script, missing) ??
              (editor.dirty ? "Save it first: a run takes a saved version" : undefined)
            }
            onClick={() => void go({ to: "/scripts/$scriptId/run", params: { scriptId: String(script.id) } })}
          />
          <ActionMenu label={`Actions for ${script.name}`} actions={actions(script)} large />
        </>
      }
    >
      {script.description && <p className={classes.description}>{script.description}</p>}
      {(editor.outrun || editor.general !== undefined) && (
        <Suspense>
          <NewerVersion editor={editor} script={script} within={edited} />
        </Suspense>
      )}
      <Tabs
        ref={edited}
        value={current}
        onChange={(next) => void navigate({ search: { tab: next ?? undefined }, replace: true })}
        className={classes.tabs}
      >
        <Tabs.List>
          <Tabs.Tab value="code">Code</Tabs.Tab>
          {!library && <Tabs.Tab value="settings">Settings</Tabs.Tab>}
          <Tabs.Tab value="versions">Versions</Tabs.Tab>
          {!library && <Tabs.Tab value="executions">Executions</Tabs.Tab>}
          <Tabs.Tab value="used-by">Used by ({script.used_by.length})</Tabs.Tab>
        </Tabs.List>
        {panel("code", () => (
          <CodeTab editor={editor} language={script.language} readOnly={manage !== undefined} />
        ))}
        {panel("settings", () => (
          <SettingsTab editor={editor} language={script.language} reason={manage} />
        ))}
        {panel("versions", () => (
          <VersionsTab
            script={script}
            reason={manage ?? (editor.dirty ? "Save or drop your edit first" : undefined)}
          />
        ))}
        {panel("executions", () => (
          <Executions id={script.id} />
        ))}
        {panel("used-by", () => (
          <UsedByTab users={script.used_by} how={library ? "link" : "run"} />
        ))}
      </Tabs>
      {dialogs}
      <DoubtDialog editor={editor} />
      <UnsavedGuard name={script.name} dirty={editor.dirty && !gone} />
    </Page>
  );
}

/** Found before saving: a hint of the parser, which may be wrong. */
function DoubtDialog({ editor }: { editor: ScriptEditor }) {
  const problems = editor.doubts ?? [];
  const more = problems.length - LISTED;
  return (
    <ConfirmDialog
      opened={editor.doubts !== undefined}
      title="Save with possible problems?"
      confirmLabel="Save all the same"
      onConfirm={editor.saveAnyway}
      onClose={editor.keepEditing}
    >
      The parser inside the server looked the code over; nothing is saved yet.
      <ul className={classes.problems} aria-label="Possible problems">
        {problems.slice(0, LISTED).map(({ line, column, message }) => (
          <li key={`${line}:${column}:${message}`}>
            Line {line}: {message}
          </li>
        ))}
        {more > 0 && <li>and {more} more</li>}
      </ul>
    </ConfirmDialog>
  );
}

/** More of them say no more. */
const LISTED = 10;

/** Search and filters of this table live as long as the tab is looked at. */
function Executions({ id }: { id: number }) {
  const [search, setSearch] = useState<TableSearch>({});
  return (
    <div className={classes.executions}>
      <ExecutionTable
        search={search}
        setSearch={(change) => setSearch((before) => ({ ...before, ...change }))}
        of={{ field: "script", id }}
        empty={
          <EmptyState icon={IconPlayerPlay} title="It has not been run yet">
            Each run is listed here with the version it took.
          </EmptyState>
        }
      />
    </div>
  );
}
