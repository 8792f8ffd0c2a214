import { Button, NativeSelect } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconArrowBackUp, IconArrowsDiff, IconHistory } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "~/api/client";
import type { ListQuery, ListState } from "~/api/list";
import { answer } from "~/api/problem";
import type { WorkflowDetail } from "~/api/types";
import { useList } from "~/api/useList";
import { actorName } from "~/rooms/jobs/words";
import { versionsDown } from "~/rooms/scripts/versions";
import { ActionButton } from "~/ui/ActionButton";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { CodeDiff } from "~/ui/code/CodeDiff";
import { Panel } from "~/ui/Page";
import { RelativeTime } from "~/ui/RelativeTime";
import { SimpleTable } from "~/ui/SimpleTable";
import { EmptyState, ErrorState, LoadingLines } from "~/ui/states";
import { toastDone } from "~/ui/toast";
import { versionList, versionOptions, versionsKey, workflowKey } from "./api";
import { draftSource, sourceOf } from "./source";
import classes from "./workflows.module.css";

const route = getRouteApi("/app/workflows/$workflowId");

/** The draft stands among the versions that are compared. */
const DRAFT = "draft";
/** As in the styles of pages. */
const NARROW = "(max-width: 48em)";

interface VersionsTabProps {
  workflow: WorkflowDetail;
  /** Why none can be restored. */
  reason: string | undefined;
}

export function VersionsTab({ workflow, reason }: VersionsTabProps) {
  const { before, after } = route.useSearch();
  const navigate = route.useNavigate();
  const { rows, status } = useList(versionsKey(workflow.id), NEWEST_FIRST, (query: ListQuery) =>
    versionList(workflow.id, query),
  );
  const [asked, setAsked] = useState<number>();
  const narrow = useMediaQuery(NARROW, undefined, { getInitialValueInEffect: false }) ?? false;
  if (rows.length === 0) {
    return <Panel>{nothing(status)}</Panel>;
  }
  const newest = workflow.version ?? rows[0]?.version ?? 1;
  // None is ever deleted, so those that are not loaded yet can be compared as well.
  const offered = [DRAFT, ...versionsDown(newest).map(String)];
  const right = offered.find((one) => one === after) ?? (workflow.draft_differs ? DRAFT : String(newest));
  const left = offered.find((one) => one === before) ?? offered[offered.indexOf(right) + 1] ?? String(newest);
  const compare = (one: string, other: string) =>
    void navigate({ search: (old) => ({ ...old, before: one, after: other }), replace: true });
  const pick = (label: string, value: string, onPick: (version: string) => void) => (
    <NativeSelect
      size="xs"
      aria-label={label}
      value={value}
      data={offered.map((one) => ({ value: one, label: nameOf(one) }))}
      onChange={(event) => onPick(event.currentTarget.value)}
    />
  );
  return (
    <div className={classes.column}>
      <Panel title="Versions" flush>
        <SimpleTable
          label="Versions"
          flush
          rows={rows}
          rowKey={(line) => String(line.version)}
          columns={[
            {
              label: "Version",
              cell: ({ version }) => (
                <>
                  {version}
                  {version === newest && <span className="dim"> runs</span>}
                </>
              ),
            },
            {
              label: "What it is for",
              cell: (line) =>
                line.message ? (
                  <span className={classes.purpose}>{line.message}</span>
                ) : (
                  <span className="dim">–</span>
                ),
            },
            { label: "Published by", cell: (line) => actorName(line.created_by) },
            { label: "When", cell: (line) => <RelativeTime at={line.created_at} /> },
            { label: "SHA-256", cell: (line) => <code title={line.sha256}>{line.sha256.slice(0, 12)}</code> },
            {
              label: "",
              align: "end",
              stays: true,
              cell: ({ version }) => (
                <span className={classes.pair}>
                  <ActionButton
                    label={version === newest ? "Compare with the draft" : "Compare with newest"}
                    compact={narrow}
                    icon={IconArrowsDiff}
                    onClick={() => compare(String(version), version === newest ? DRAFT : String(newest))}
                  />
                  <ActionButton
                    label={`Restore version ${version}`}
                    compact
                    icon={IconArrowBackUp}
                    reason={reason}
                    onClick={() => setAsked(version)}
                  />
                </span>
              ),
            },
          ]}
        />
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
            {pick("Before", left, (one) => compare(one, right))}
            <span className="dim">and</span>
            {pick("After", right, (one) => compare(left, one))}
          </span>
        }
      >
        {left === right ? (
          <p className={classes.note}>Choose two of them to see what is different between them.</p>
        ) : (
          <Difference workflow={workflow} left={left} right={right} />
        )}
      </Panel>
      {asked !== undefined && (
        <RestoreDialog id={workflow.id} version={asked} onClose={() => setAsked(undefined)} />
      )}
    </div>
  );
}

function nothing({ pending, error, retry }: ReturnType<typeof useList>["status"]) {
  if (error) {
    return <ErrorState error={error} onRetry={retry} />;
  }
  return pending ? (
    <LoadingLines />
  ) : (
    <EmptyState icon={IconHistory} title="There is no version">
      Each time the draft is published, a version is made.
    </EmptyState>
  );
}

/** As the server gives them. */
const NEWEST_FIRST: ListState = {};

const nameOf = (one: string): string => (one === DRAFT ? "Draft" : `Version ${one}`);

interface RestoreDialogProps {
  id: number;
  version: number;
  onClose: () => void;
}

function RestoreDialog({ id, version, onClose }: RestoreDialogProps) {
  const client = useQueryClient();
  const navigate = route.useNavigate();
  const restore = useMutation({
    mutationFn: () =>
      answer(api.POST("/api/v1/workflows/{id}/restore", { params: { path: { id } }, body: { version } })),
    onSuccess: async () => {
      onClose();
      toastDone(`The draft says what version ${version} says`);
      await client.invalidateQueries({ queryKey: workflowKey });
      await navigate({ search: { tab: "code" } });
    },
  });
  return (
    <ConfirmDialog
      opened
      title={`Restore version ${version}`}
      confirmLabel="Restore to the draft"
      pending={restore.isPending}
      error={restore.error}
      onConfirm={() => restore.mutate()}
      onClose={onClose}
    >
      What it says becomes the draft, in place of what the draft says now. What runs stays until the draft is
      published.
    </ConfirmDialog>
  );
}

interface DifferenceProps {
  workflow: WorkflowDetail;
  left: string;
  right: string;
}

function Difference({ workflow, left, right }: DifferenceProps) {
  const before = useText(workflow, left);
  const after = useText(workflow, right);
  const { error, retry } = before.error ? before : after;
  if (before.text === undefined || after.text === undefined) {
    return error ? <ErrorState error={error} onRetry={retry} /> : <LoadingLines />;
  }
  return before.text === after.text ? (
    <p className={classes.note}>Both say the same.</p>
  ) : (
    <CodeDiff
      label="Difference of the versions"
      names={[nameOf(left), nameOf(right)]}
      before={before.text}
      after={after.text}
      language="yaml"
    />
  );
}

function useText(workflow: WorkflowDetail, one: string) {
  const draft = one === DRAFT;
  const query = useQuery({ ...versionOptions(workflow.id, Number(one)), enabled: !draft });
  return {
    text: draft ? draftSource(workflow) : query.data && sourceOf(query.data),
    error: query.error,
    retry: () => void query.refetch(),
  };
}
