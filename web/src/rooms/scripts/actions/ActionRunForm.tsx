import { SegmentedControl, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { api } from "~/api/client";
import { answer } from "~/api/problem";
import type { ActionDetail, ActionRun } from "~/api/types";
import { useMissing } from "~/app/session";
import { HostsPreview } from "~/rooms/agents/HostsPreview";
import { targetsFrom } from "~/rooms/agents/targets";
import { howFacts } from "~/rooms/jobs/howFacts";
import form from "~/rooms/jobs/RunForm.module.css";
import { StartForm } from "~/rooms/jobs/StartForm";
import { Facts, Panel } from "~/ui/Page";
import { ParameterInputs } from "../ParameterInputs";
import { initialTexts, missingParameter, toValues } from "../parameters";
import { runCommand, runCurl } from "./copy";

interface ActionRunFormProps {
  action: ActionDetail;
  /** Its draft instead of the deployed version. */
  draft: boolean;
  onDraft: (draft: boolean) => void;
}

export function ActionRunForm({ action, draft, onDraft }: ActionRunFormProps) {
  const navigate = useNavigate();
  const manage = useMissing()("jobs.manage");
  const asks = draft ? action.draft_asks : action.asks;
  const definition = draft ? action.draft : (action.deployed?.definition ?? action.draft);
  const [texts, setTexts] = useState(() => initialTexts(asks));
  const [notBefore, setNotBefore] = useState("");
  const missing =
    missingParameter(asks, texts) ??
    (notBefore !== "" && Number.isNaN(Date.parse(notBefore)) ? "“Not before” is not a time" : undefined);
  const body = useMemo<ActionRun | undefined>(() => {
    if (missing !== undefined) {
      return undefined;
    }
    const parameters = toValues(asks, texts);
    return {
      ...(Object.keys(parameters).length > 0 ? { parameters } : {}),
      ...(draft ? { draft } : {}),
      ...(notBefore === "" ? {} : { not_before: new Date(notBefore).toISOString() }),
    };
  }, [missing, asks, texts, draft, notBefore]);
  const params = { path: { id: action.id } };
  return (
    <StartForm<ActionRun>
      fields={[...asks.map(({ name }) => `parameters.${name}`), "not_before"]}
      missing={missing}
      body={body}
      preview={(request) => answer(api.POST("/api/v1/actions/{id}/preview", { params, body: request }))}
      run={(request, headers) =>
        answer(api.POST("/api/v1/actions/{id}/run", { params, body: request, headers }))
      }
      commands={(request) => ({
        cli: runCommand(action.name, asks, request),
        curl: runCurl(window.location.origin, action.id, asks, request),
      })}
      onRun={({ execution_id }) =>
        void navigate({ to: "/executions/$executionId", params: { executionId: String(execution_id) } })
      }
    >
      {(errors) => (
        <>
          <Panel
            title="Parameters"
            aside={
              manage === undefined &&
              action.deployed && (
                <SegmentedControl
                  size="xs"
                  aria-label="What to run"
                  value={draft ? "draft" : "deployed"}
                  onChange={(value) => onDraft(value === "draft")}
                  data={[
                    { value: "deployed", label: `Version ${action.deployed.version}` },
                    { value: "draft", label: "Draft" },
                  ]}
                />
              )
            }
          >
            <ParameterInputs
              parameters={asks}
              texts={texts}
              onChange={setTexts}
              errors={errors}
              empty="It asks for nothing: everything is fixed."
            />
          </Panel>
          <Panel title="Where and how">
            <div className={form.work}>
              <Facts facts={howFacts(definition)} />
              <HostsPreview draft={targetsFrom(definition.targets)} />
              <div className={form.how}>
                <TextInput
                  label="Not before"
                  type="datetime-local"
                  step={1}
                  value={notBefore}
                  error={errors["not_before"]}
                  onChange={(event) => setNotBefore(event.currentTarget.value)}
                />
              </div>
            </div>
          </Panel>
        </>
      )}
    </StartForm>
  );
}
