import { IconFlask, IconRocket } from "@tabler/icons-react";
import type { ActionDetail } from "~/api/types";
import { actorName } from "~/rooms/jobs/words";
import { ActionButton } from "~/ui/ActionButton";
import { CodeDiff } from "~/ui/code/CodeDiff";
import { Panel } from "~/ui/Page";
import { RelativeTime } from "~/ui/RelativeTime";
import classes from "./actions.module.css";
import { WhereView, WorkView } from "./DefinitionView";
import { definitionText } from "./draft";
import type { ActionReasons } from "./rules";

interface DraftTabProps {
  action: ActionDetail;
  reasons: ActionReasons;
  onDeploy: () => void;
  onTry: () => void;
}

/** What is edited, and how it differs from what runs. */
export function DraftTab({ action, reasons, onDeploy, onTry }: DraftTabProps) {
  const { deployed, draft } = action;
  return (
    <div className={classes.column}>
      <Panel>
        <div className={classes.bar}>
          <span>
            {said(action)} Saved by {actorName(action.updated_by)} <RelativeTime at={action.updated_at} />.
          </span>
          <span className={classes.buttons}>
            <ActionButton label="Try the draft" icon={IconFlask} reason={reasons.tryDraft} onClick={onTry} />
            <ActionButton
              label="Deploy the draft"
              icon={IconRocket}
              variant={reasons.deploy ? "default" : "filled"}
              reason={reasons.deploy}
              onClick={onDeploy}
            />
          </span>
        </div>
      </Panel>
      {deployed && action.draft_differs && (
        <Panel title={`What deploying it changes in version ${deployed.version}`}>
          {definitionText(deployed.definition) === definitionText(draft) ? (
            <p className="dim">Only the kept secrets are others; their values are never shown.</p>
          ) : (
            <CodeDiff
              label="Difference between what runs and the draft"
              names={[`Version ${deployed.version}`, "Draft"]}
              before={definitionText(deployed.definition)}
              after={definitionText(draft)}
              language="text"
            />
          )}
        </Panel>
      )}
      <div className={classes.grid}>
        <div className={classes.column}>
          <WorkView definition={draft} asks={action.draft_asks} secrets={action.draft_secrets} />
        </div>
        <div className={classes.column}>
          <WhereView definition={draft} />
        </div>
      </div>
    </div>
  );
}

function said({ version, draft_differs: differs }: ActionDetail): string {
  if (!version) {
    return "Nothing is deployed yet.";
  }
  return differs
    ? `Version ${version} runs until this is deployed.`
    : `It says what version ${version} says, which runs.`;
}
