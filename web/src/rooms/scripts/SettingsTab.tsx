import { NativeSelect, NumberInput, Switch, TextInput } from "@mantine/core";
import type { Language } from "~/api/types";
import { asScope, SCOPES } from "~/rooms/jobs/HowFields";
import { Panel } from "~/ui/Page";
import { LibrariesEditor } from "./LibrariesEditor";
import { ParametersEditor } from "./ParametersEditor";
import classes from "./ScriptPage.module.css";
import type { ScriptEditor } from "./useScriptEditor";

interface SettingsTabProps {
  editor: ScriptEditor;
  language: Language;
  /** Why nothing can be changed. */
  reason: string | undefined;
}

export function SettingsTab({ editor, language, reason }: SettingsTabProps) {
  const { draft, change, errors } = editor;
  return (
    <fieldset className={classes.settings} disabled={reason !== undefined} aria-label="Settings">
      {reason && <p className="dim">{reason}</p>}
      <Panel title="Parameters">
        <ParametersEditor
          parameters={draft.parameters}
          onChange={(parameters) => change({ parameters })}
          errors={errors}
        />
      </Panel>
      <Panel title="Libraries">
        <LibrariesEditor
          libraries={draft.libraries}
          language={language}
          onChange={(libraries) => change({ libraries })}
          error={errors["definition.libraries"]}
        />
      </Panel>
      <Panel title="How it runs">
        <div className={classes.fields}>
          <NumberInput
            label="Timeout in seconds"
            placeholder="300"
            min={1}
            max={604_800}
            clampBehavior="none"
            allowDecimal={false}
            value={draft.timeout}
            error={errors["definition.timeout_seconds"]}
            onChange={(timeout) => change({ timeout: String(timeout) })}
          />
          <TextInput
            label="Run as user"
            description="A local user; the agent must run as root"
            placeholder="the agent’s own"
            spellCheck={false}
            autoComplete="off"
            value={draft.runAsUser}
            error={errors["definition.run_as_user"]}
            onChange={(event) => change({ runAsUser: event.currentTarget.value })}
          />
          <TextInput
            label="Concurrency key"
            description="Runs with the same key wait for each other"
            placeholder="none"
            value={draft.concurrencyKey}
            error={errors["definition.concurrency"]}
            onChange={(event) => change({ concurrencyKey: event.currentTarget.value })}
          />
          <NativeSelect
            label="At most one at a time"
            description="Where that holds"
            disabled={draft.concurrencyKey.trim() === ""}
            value={draft.concurrencyPer}
            data={SCOPES}
            onChange={(event) => change({ concurrencyPer: asScope(event.currentTarget.value) })}
          />
        </div>
        <Switch
          mt="md"
          label="Requires elevation"
          description="Refused where the agent does not run as root"
          checked={draft.requiresElevation}
          onChange={(event) => change({ requiresElevation: event.currentTarget.checked })}
        />
      </Panel>
    </fieldset>
  );
}
