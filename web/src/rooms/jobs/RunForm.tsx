import { useNavigate } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import { api } from "~/api/client";
import { answer } from "~/api/problem";
import type { JobCreate } from "~/api/types";
import type { TargetDraft } from "~/rooms/agents/targets";
import { Panel } from "~/ui/Page";
import { jobCommandText } from "./copy/cli";
import { curlCommand } from "./copy/curl";
import type { HowDraft } from "./how";
import { RunFrame } from "./RunFrame";
import { WorkFields } from "./WorkFields";
import { missingWork, toWork, type WorkDraft, workFields } from "./work/draft";

export interface RunStart {
  targets: TargetDraft;
  how: HowDraft;
  work: WorkDraft;
}

const DEFAULT_TIMEOUT_SECONDS = 300;

export function RunForm({ start }: { start: RunStart }) {
  const navigate = useNavigate();
  const [work, setWork] = useState(start.work);
  const build = useCallback(
    (shared: Omit<JobCreate, "type" | "payload" | "secrets">): JobCreate => {
      const { work: payload, secrets } = toWork(work);
      return { ...payload, ...shared, ...(Object.keys(secrets).length > 0 ? { secrets } : {}) };
    },
    [work],
  );
  return (
    <RunFrame<JobCreate>
      start={start}
      fields={workFields(work)}
      missing={missingWork(work)}
      build={build}
      preview={(body) => answer(api.POST("/api/v1/jobs/preview", { body }))}
      run={(body, headers) => answer(api.POST("/api/v1/jobs", { body, headers }))}
      commands={(body) => ({
        cli: jobCommandText(body),
        curl: curlCommand({
          origin: window.location.origin,
          path: "/api/v1/jobs",
          body,
          secrets: Object.keys(body.secrets ?? {}).map((name) => ["secrets", name]),
        }),
      })}
      onRun={({ jobs, execution_id }) => {
        const only = jobs.length === 1 ? jobs[0] : undefined;
        void (only
          ? navigate({ to: "/jobs/$jobId", params: { jobId: String(only.id) } })
          : navigate({ to: "/executions/$executionId", params: { executionId: String(execution_id) } }));
      }}
      how={{ type: work.type, timeoutSeconds: DEFAULT_TIMEOUT_SECONDS }}
    >
      {(errors) => (
        <Panel title="What to run">
          <WorkFields
            draft={work}
            onChange={(part) => setWork((before) => ({ ...before, ...part }))}
            errors={errors}
          />
        </Panel>
      )}
    </RunFrame>
  );
}
