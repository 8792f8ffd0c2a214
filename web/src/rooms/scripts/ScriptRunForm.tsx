import { NativeSelect } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import { api } from "~/api/client";
import { answer } from "~/api/problem";
import type { ScriptDetail, ScriptRun, ScriptVersion } from "~/api/types";
import { emptyTargets } from "~/rooms/agents/targets";
import { curlCommand } from "~/rooms/jobs/copy/curl";
import { emptyHow } from "~/rooms/jobs/how";
import { RunFrame } from "~/rooms/jobs/RunFrame";
import { Panel } from "~/ui/Page";
import { scriptCommand } from "./command";
import { ParameterInputs } from "./ParameterInputs";
import { initialTexts, missingParameter, secretNames, toValues } from "./parameters";
import { versionsDown } from "./versions";

interface ScriptRunFormProps {
  script: ScriptDetail;
  version: ScriptVersion;
  hosts: string[];
  /** Nothing: the newest. */
  onVersion: (version: string | undefined) => void;
}

const DEFAULT_TIMEOUT_SECONDS = 300;

export function ScriptRunForm({ script, version, hosts, onVersion }: ScriptRunFormProps) {
  const navigate = useNavigate();
  const { definition } = version;
  const parameters = definition.parameters ?? NONE;
  const [texts, setTexts] = useState(() => initialTexts(parameters));
  const [start] = useState(() => ({ targets: emptyTargets(hosts), how: emptyHow() }));
  const build = useCallback(
    (shared: Omit<ScriptRun, "version" | "parameters">): ScriptRun => ({
      version: version.version,
      parameters: toValues(parameters, texts),
      ...shared,
    }),
    [version.version, parameters, texts],
  );
  const params = { path: { id: script.id } };
  return (
    <RunFrame<ScriptRun>
      start={start}
      fields={parameterFields(parameters)}
      missing={missingParameter(parameters, texts)}
      build={build}
      preview={(body) => answer(api.POST("/api/v1/scripts/{id}/preview", { params, body }))}
      run={(body, headers) => answer(api.POST("/api/v1/scripts/{id}/run", { params, body, headers }))}
      commands={(body) => ({
        cli: scriptCommand(script.name, parameters, body),
        curl: curlCommand({
          origin: window.location.origin,
          path: `/api/v1/scripts/${script.id}/run`,
          body,
          secrets: secretNames(parameters, texts).map((name) => ["parameters", name]),
        }),
      })}
      onRun={({ execution_id }) =>
        void navigate({ to: "/executions/$executionId", params: { executionId: String(execution_id) } })
      }
      how={{
        type: "script",
        timeoutSeconds: definition.timeout_seconds ?? DEFAULT_TIMEOUT_SECONDS,
        concurrency: definition.concurrency?.key,
      }}
    >
      {(errors) => (
        <Panel
          title="Parameters"
          aside={
            <NativeSelect
              size="xs"
              aria-label="Version"
              value={String(version.version)}
              data={versionsDown(script.version).map((number) => ({
                value: String(number),
                label: number === script.version ? `Version ${number} (newest)` : `Version ${number}`,
              }))}
              onChange={(event) => {
                const chosen = event.currentTarget.value;
                onVersion(chosen === String(script.version) ? undefined : chosen);
              }}
            />
          }
        >
          <ParameterInputs parameters={parameters} texts={texts} onChange={setTexts} errors={errors} />
        </Panel>
      )}
    </RunFrame>
  );
}

const NONE: NonNullable<ScriptVersion["definition"]["parameters"]> = [];
const parameterFields = (parameters: typeof NONE) => parameters.map(({ name }) => `parameters.${name}`);
