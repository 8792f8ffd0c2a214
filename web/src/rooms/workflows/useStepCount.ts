import { useDebouncedValue } from "@mantine/hooks";
import { useEffect, useState } from "react";
import type { WorkflowDetail } from "~/api/types";
import type { WorkflowEditor } from "./useWorkflowEditor";

/** So long nobody types before steps are counted. */
const WAIT_MS = 200;

/** How many steps the text has as it is edited; of one that cannot be read, how many it had before. */
export function useStepCount(
  { steps: saved }: Pick<WorkflowDetail, "steps">,
  { source, dirty }: Pick<WorkflowEditor, "source" | "dirty">,
): number {
  const [edited, setEdited] = useState<number>();
  const [wanted] = useDebouncedValue(source, WAIT_MS);
  useEffect(() => {
    if (!dirty) {
      setEdited(undefined);
      return;
    }
    let current = true;
    // What reads YAML comes with the editor.
    void import("./graph/count").then(({ stepCount }) => {
      const count = stepCount(wanted);
      if (current && count !== undefined) {
        setEdited(count);
      }
    });
    return () => {
      current = false;
    };
  }, [dirty, wanted]);
  return dirty ? (edited ?? saved) : saved;
}
