import { Button, NativeSelect } from "@mantine/core";
import { IconArrowBackUp, IconHistory } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "~/api/client";
import type { ListQuery, ListState } from "~/api/list";
import { answer } from "~/api/problem";
import type { ActionDetail, ActionVersion } from "~/api/types";
import { useList } from "~/api/useList";
import { useMissing, useSession } from "~/app/session";
import { actorName } from "~/rooms/jobs/words";
import { ActionButton } from "~/ui/ActionButton";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { CodeDiff } from "~/ui/code/CodeDiff";
import { Panel } from "~/ui/Page";
import { RelativeTime } from "~/ui/RelativeTime";
import { SimpleTable } from "~/ui/SimpleTable";
import { EmptyState, ErrorState, LoadingLines } from "~/ui/states";
import { toastDone } from "~/ui/toast";
import { versionsDown } from "../versions";
import classes from "./actions.module.css";
import { actionKey, versionList, versionOptions, versionsKey } from "./api";
import { definitionText } from "./draft";
import { restoreReason } from "./rules";

const route = getRouteApi("/app/actions/$actionId");

interface VersionsTabProps {
  action: ActionDetail;
  /** Why none can be restored. */
  reason: string | undefined;
}

export function VersionsTab({ action, reason }: VersionsTabProps) {
  const { before, after } = route.useSearch();
  const navigate = route.useNavigate();
  const client = useQueryClient();
  const missing = useMissing();
  const { user } = useSession();
  const { rows, status } = useList(versionsKey(action.id), NEWEST_FIRST, (query: ListQuery) =>
    versionList(action.id, query),
  );
  const [asked, setAsked] = useState<number>();
  const restore = useMutation({
    mutationFn: (version: number) =>
      answer(
        api.POST("/api/v1/actions/{id}/restore", { params: { path: { id: action.id } }, body: { version } }),
      ),
    onSuccess: async () => {
      setAsked(undefined);
      toastDone(`The draft says what version ${restore.variables} says`);
      await client.invalidateQueries({ queryKey: actionKey });
      await navigate({ search: { tab: "draft" } });
    },
  });
  if (rows.length === 0) {
    return <Panel>{nothing(status)}</Panel>;
  }
  const newest = action.version ?? rows[0]?.version ?? 1;
  // None is ever deleted, so those that are not loaded yet can be compared as well.
  const numbers = versionsDown(newest);
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
    <div className={classes.column}>
      <Panel title="Versions" flush>
        <SimpleTable
          label="Versions"
          flush
          rows={rows}
          rowKey={(line) => String(line.version)}
          columns={[
            { label: "Version", cell: (line) => line.version },
            { label: "What it is for", cell: (line) => line.message || <span className="dim">–</span> },
            { label: "Deployed by", cell: (line) => actorName(line.created_by) },
            { label: "When", cell: (line) => <RelativeTime at={line.created_at} /> },
            { label: "SHA-256", cell: (line) => <code title={line.sha256}>{line.sha256.slice(0, 12)}</code> },
            {
              label: "",
              cell: (line) => (
                <VersionButtons
                  line={line}
                  newest={newest}
                  reason={reason ?? restoreReason(line.definition, action, missing, user)}
                  onCompare={() => compare(line.version, newest)}
                  onRestore={() => {
                    restore.reset();
                    setAsked(line.version);
                  }}
                />
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
            {pick("Before", left, (version) => compare(version, right))}
            <span className="dim">and</span>
            {pick("After", right, (version) => compare(left, version))}
          </span>
        }
      >
        {left === right ? (
          <p className="dim">Choose two versions to see what is different between them.</p>
        ) : (
          <Difference id={action.id} left={left} right={right} />
        )}
      </Panel>
      <ConfirmDialog
        opened={asked !== undefined}
        title={`Restore version ${asked ?? ""}`}
        confirmLabel="Restore to the draft"
        pending={restore.isPending}
        error={restore.error}
        onConfirm={() => asked !== undefined && restore.mutate(asked)}
        onClose={() => setAsked(undefined)}
      >
        What it says becomes the draft, in place of what the draft says now. What runs stays until the draft
        is deployed.
      </ConfirmDialog>
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
      Each time the draft is deployed, a version is made.
    </EmptyState>
  );
}

/** As the server gives them. */
const NEWEST_FIRST: ListState = {};

const choose = (text: string | undefined, numbers: number[]) =>
  numbers.find((number) => String(number) === text);

interface VersionButtonsProps {
  line: ActionVersion;
  newest: number;
  reason: string | undefined;
  onCompare: () => void;
  onRestore: () => void;
}

function VersionButtons({ line, newest, reason, onCompare, onRestore }: VersionButtonsProps) {
  return (
    <span className={classes.pair}>
      {line.version === newest ? (
        <span className="dim">runs</span>
      ) : (
        <Button variant="subtle" size="compact-xs" onClick={onCompare}>
          Compare with newest
        </Button>
      )}
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

function Difference({ id, left, right }: { id: number; left: number; right: number }) {
  const before = useQuery(versionOptions(id, left));
  const after = useQuery(versionOptions(id, right));
  const error = before.error ?? after.error;
  if (!before.data || !after.data) {
    return error ? (
      <ErrorState error={error} onRetry={() => void (before.error ? before.refetch() : after.refetch())} />
    ) : (
      <LoadingLines />
    );
  }
  const [one, other] = [definitionText(before.data.definition), definitionText(after.data.definition)];
  if (one === other) {
    return (
      <p className="dim">
        {before.data.sha256 === after.data.sha256
          ? "Both say the same."
          : "Only the kept secrets are others; their values are never shown."}
      </p>
    );
  }
  return (
    <CodeDiff
      label="Difference of the versions"
      names={[`Version ${left}`, `Version ${right}`]}
      before={one}
      after={other}
      language="text"
    />
  );
}
