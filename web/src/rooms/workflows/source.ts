/** The text of a workflow: as somebody wrote it, or made from its normal form. */
import type { WorkflowDefinition } from "~/api/types";
import { toYaml } from "~/ui/yaml";

interface Said {
  definition: WorkflowDefinition;
  source?: string | null | undefined;
}

export const sourceOf = ({ definition, source }: Said): string => source ?? toYaml(definition);

export const draftSource = (workflow: {
  draft: WorkflowDefinition;
  draft_source?: string | null | undefined;
}): string => sourceOf({ definition: workflow.draft, source: workflow.draft_source });

/** What a new workflow says: it can be saved, and shows how steps follow each other. */
export const FIRST_LINES = `# Steps run one after another. A step that fails ends the workflow, unless on_failure names another step.
steps:
  - id: look
    type: command
    command: uname -a
`;
