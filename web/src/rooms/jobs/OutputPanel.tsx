import { Button, SegmentedControl, Switch } from "@mantine/core";
import { IconCopy, IconDownload } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import type { JobDetail } from "~/api/types";
import { ActionButton } from "~/ui/ActionButton";
import { Console, type ConsoleSource } from "~/ui/console/Console";
import { bytes } from "~/ui/format";
import { ErrorState } from "~/ui/states";
import { toastDone, toastProblem } from "~/ui/toast";
import { downloadUrl } from "./api";
import classes from "./OutputPanel.module.css";
import { type Liveness, useLateOutput, useLiveOutput, usePastOutput } from "./useOutput";
import { isFinal } from "./words";

const VIEWS = ["both", "stdout", "stderr"] as const;
type View = (typeof VIEWS)[number];

interface OutputPanelProps {
  job: JobDetail;
  attempt: number;
  view: string | undefined;
  onView: (view: View) => void;
}

/** Standard output and error of one attempt: live while it runs, from the server's store afterwards. */
export function OutputPanel({ job, attempt, view: wanted, onView }: OutputPanelProps) {
  const current = attempt === job.attempt;
  const facts = job.attempts.find((one) => one.number === attempt);
  const live = useLiveOutput(job.id, attempt, current);
  useLateOutput(job.id, attempt, facts, live);
  const past = usePastOutput(job.id, attempt, facts, !current);
  const output = current ? live.output : past.output;
  const view = VIEWS.find((one) => one === wanted) ?? "both";
  const running = current && !isFinal(job.state);
  const [follow, setFollow] = useState(true);

  const sources = useMemo<ConsoleSource[]>(() => {
    const all = [
      { name: "stdout" as const, lines: output.stdout },
      { name: "stderr" as const, lines: output.stderr, marked: true },
    ];
    return view === "both" ? all : all.filter((source) => source.name === view);
  }, [output, view]);

  const copy = async () => {
    const text = sources
      .map((source) => source.lines.text())
      .filter(Boolean)
      .join("\n");
    try {
      await navigator.clipboard.writeText(text);
      toastDone("The output is copied");
    } catch (error) {
      toastProblem("The output could not be copied", error);
    }
  };

  return (
    <section className={classes.panel} aria-label="Output">
      <div className={classes.bar}>
        <SegmentedControl
          size="xs"
          aria-label="Stream"
          value={view}
          onChange={(next) => onView(VIEWS.find((one) => one === next) ?? "both")}
          data={[
            { value: "both", label: "Both" },
            { value: "stdout", label: `stdout ${bytes(output.stdout.bytes)}` },
            { value: "stderr", label: `stderr ${bytes(output.stderr.bytes)}` },
          ]}
        />
        {current && <LivenessText liveness={live.liveness} running={running} onRetry={live.retry} />}
        <div className={classes.tools}>
          <Switch
            size="xs"
            label="Follow"
            checked={follow}
            onChange={(event) => setFollow(event.currentTarget.checked)}
          />
          <ActionButton compact label="Copy the output" icon={IconCopy} onClick={() => void copy()} />
          {(["stdout", "stderr"] as const).map((stream) => (
            <Button
              key={stream}
              component="a"
              href={downloadUrl(job.id, stream, attempt)}
              download={`job-${job.id}-${attempt}.${stream}`}
              variant="default"
              leftSection={<IconDownload size={14} stroke={1.75} aria-hidden />}
              aria-label={`Download raw ${stream}`}
            >
              {stream}
            </Button>
          ))}
        </div>
      </div>
      {!current && past.error ? (
        <ErrorState error={past.error} onRetry={past.retry} />
      ) : (
        <Console
          label="Output of the job"
          sources={sources}
          version={output.version}
          follow={follow}
          onFollow={setFollow}
          empty={emptyText(running, current ? live.liveness === "connecting" : past.pending)}
        />
      )}
    </section>
  );
}

function emptyText(running: boolean, loading: boolean): string {
  if (loading) {
    return "Loading the output…";
  }
  return running ? "No output yet." : "There was no output.";
}

function LivenessText({
  liveness,
  running,
  onRetry,
}: {
  liveness: Liveness;
  running: boolean;
  onRetry: () => void;
}) {
  switch (liveness) {
    case "live":
      return running ? (
        <span className={classes.live} role="status">
          <span className={classes.dot} aria-hidden />
          live
        </span>
      ) : null;
    case "lost":
      return (
        <span className={classes.lost} role="status">
          Connection lost, connecting again…
        </span>
      );
    case "failed":
      return (
        <span className={classes.lost} role="status">
          The live connection was refused.
          <Button variant="subtle" size="compact-xs" onClick={onRetry}>
            Try again
          </Button>
        </span>
      );
    default:
      return null;
  }
}
