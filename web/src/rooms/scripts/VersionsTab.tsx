import { Button, NativeSelect } from "@mantine/core";
import { IconArrowBackUp, IconHistory } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "~/api/client";
import type { ListQuery, ListState } from "~/api/list";
import { answer } from "~/api/problem";
import type { ScriptDetail, ScriptVersion, ScriptVersionLine } from "~/api/types";
import { useList } from "~/api/useList";
import { actorName } from "~/rooms/jobs/words";
import { ActionButton } from "~/ui/ActionButton";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { CodeDiff } from "~/ui/code/CodeDiff";
import { Panel } from "~/ui/Page";
import { RelativeTime } from "~/ui/RelativeTime";
import { SimpleTable } from "~/ui/SimpleTable";
import { EmptyState, ErrorState, LoadingLines } from "~/ui/states";
import { toastDone } from "~/ui/toast";
import { scriptKey, versionList, versionOptions, versionsKey } from "./api";
import { DigestHelp } from "./DigestHelp";
import { settingsText } from "./definition";
import classes from "./ScriptPage.module.css";
import { versionsDown } from "./versions";

const route = getRouteApi("/app/scripts/$scriptId");

interface VersionsTabProps {
  script: ScriptDetail;
  /** Why none can be restored. */
  reason: string | undefined;
}

export function VersionsTab({ script, reason }: VersionsTabProps) {
  const { before, after } = route.useSearch();
  const navigate = route.useNavigate();
  const client = useQueryClient();
  const { rows, status } = useList(versionsKey(script.id), NEWEST_FIRST, (query: ListQuery) =>
    versionList(script.id, query),
  );
  const [asked, setAsked] = useState<number>();
  const restore = useMutation({
    mutationFn: (version: number) =>
      answer(
        api.POST("/api/v1/scripts/{id}/restore", { params: { path: { id: script.id } }, body: { version } }),
      ),
    onSuccess: async (saved) => {
      setAsked(undefined);
      toastDone(`Version ${saved.version} says what version ${restore.variables} said`);
      await client.invalidateQueries({ queryKey: scriptKey });
    },
  });
  if (rows.length === 0) {
    return <Panel>{nothing(status)}</Panel>;
  }
  // None is ever deleted, so those that are not loaded yet can be compared as well.
  const numbers = versionsDown(script.version);
  const right = choose(after, numbers) ?? numbers[0] ?? 1;
  const left = choose(before, numbers) ?? numbers[1] ?? right;
  const compare = (one: number, other: number) =>
    void navigate({
      search: (old) => ({ ...old, before: String(one), after: String(other) }),
      replace: true,
    });
  const pick = (label: string, value: number, onPick: (version: number) => void) => (
    <NativeSelect
      size="xs"
      aria-label={label}
      value={String(value)}
      data={numbers.map((number) => ({ value: String(number), label: `Version ${number}` }))}
      onChange={(event) => onPick(Number(event.currentTarget.value))}
    />
  );

  return (
    <div className={classes.rows}>
      <Panel title="Versions" flush>
        <SimpleTable
          label="Versions"
          flush
          rows={rows}
          rowKey={(line) => String(line.version)}
          columns={[
            { label: "Version", cell: (line) => line.version },
            { label: "What was changed", cell: (line) => line.message || <span className="dim">–</span> },
            { label: "By", cell: (line) => actorName(line.created_by) },
            { label: "When", cell: (line) => <RelativeTime at={line.created_at} /> },
            {
              label: "SHA-256 of the version",
              cell: (line) => <code title={line.sha256}>{line.sha256.slice(0, 12)}</code>,
            },
            {
              label: "",
              cell: (line) => (
                <VersionButtons
                  line={line}
                  newest={script.version}
                  reason={reason}
                  onCompare={() => compare(line.version, script.version)}
                  onRestore={() => {
                    restore.reset();
                    setAsked(line.version);
                  }}
                />
              ),
            },
          ]}
        />
        <DigestHelp kind={script.kind} />
        {status.more && (
          <div className={classes.more}>
            <Button variant="default" loading={status.loadingMore} onClick={status.more}>
              Load older versions
            </Button>
          </div>
        )}
      </Panel>
      <Panel
        title="Difference"
        aside={
          <span className={classes.pair}>
            {pick("Before", left, (version) => compare(version, right))}
            <span className="dim">and</span>
            {pick("After", right, (version) => compare(left, version))}
          </span>
        }
      >
        {left === right ? (
          <p className="dim">Choose two versions to see what is different between them.</p>
        ) : (
          <Difference script={script} left={left} right={right} />
        )}
      </Panel>
      <ConfirmDialog
        opened={asked !== undefined}
        title={`Restore version ${asked ?? ""}`}
        confirmLabel="Restore"
        pending={restore.isPending}
        error={restore.error}
        onConfirm={() => asked !== undefined && restore.mutate(asked)}
        onClose={() => setAsked(undefined)}
      >
        What it says is saved as the newest version. No version is lost.
      </ConfirmDialog>
    </div>
  );
}

function nothing({ pending, error, retry }: ReturnType<typeof useList>["status"]) {
  if (error) {
    return <ErrorState error={error} onRetry={retry} />;
  }
  return pending ? <LoadingLines /> : <EmptyState icon={IconHistory} title="There is no version" />;
}

/** As the server gives them. */
const NEWEST_FIRST: ListState = {};

const choose = (text: string | undefined, numbers: number[]) =>
  numbers.find((number) => String(number) === text);

interface VersionButtonsProps {
  line: ScriptVersionLine;
  newest: number;
  reason: string | undefined;
  onCompare: () => void;
  onRestore: () => void;
}

function VersionButtons({ line, newest, reason, onCompare, onRestore }: VersionButtonsProps) {
  if (line.version === newest) {
    return <span className="dim">newest</span>;
  }
  return (
    <span className={classes.pair}>
      <Button variant="subtle" size="compact-xs" onClick={onCompare}>
        Compare with newest
      </Button>
      <ActionButton
        label={`Restore version ${line.version}`}
        compact
        icon={IconArrowBackUp}
        reason={reason}
        onClick={onRestore}
      />
    </span>
  );
}

function Difference({ script, left, right }: { script: ScriptDetail; left: number; right: number }) {
  const before = useQuery(versionOptions(script.id, left));
  const after = useQuery(versionOptions(script.id, right));
  const error = before.error ?? after.error;
  if (!before.data || !after.data) {
    return error ? <ErrorState error={error} onRetry={() => void before.refetch()} /> : <LoadingLines />;
  }
  const names: [string, string] = [`Version ${left}`, `Version ${right}`];
  const settings = (version: ScriptVersion) => settingsText(version.definition);
  const changed = settings(before.data) !== settings(after.data);
  return (
    <div className={classes.rows}>
      {before.data.sha256 === after.data.sha256 && <p className="dim">Both say the same.</p>}
      <CodeDiff
        label="Difference of the code"
        names={names}
        before={before.data.definition.content ?? ""}
        after={after.data.definition.content ?? ""}
        language={script.language}
      />
      {changed && (
        <>
          <h3 className={classes.subtitle}>Settings</h3>
          <CodeDiff
            label="Difference of the settings"
            names={names}
            before={settings(before.data)}
            after={settings(after.data)}
            language="text"
          />
        </>
      )}
    </div>
  );
}
