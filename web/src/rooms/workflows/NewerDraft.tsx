import { Button, Group, Modal } from "@mantine/core";
import { IconGitMerge } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type RefObject, useState } from "react";
import type { WorkflowDetail } from "~/api/types";
import { actorName } from "~/rooms/jobs/words";
import { CodeDiff } from "~/ui/code/CodeDiff";
import { focusCode } from "~/ui/code/CodeEditor";
import { Notice } from "~/ui/Notice";
import { ErrorState, LoadingLines } from "~/ui/states";
import { toastProblem } from "~/ui/toast";
import { workflowOptions } from "./api";
import { draftSource } from "./source";
import type { WorkflowEditor } from "./useWorkflowEditor";

interface NewerDraftProps {
  id: number;
  editor: WorkflowEditor;
  /** What the draft is edited in. */
  within: RefObject<HTMLElement | null>;
}

/** Somebody else has saved meanwhile: nothing is overwritten before both were looked at. */
export function NewerDraft({ id, editor, within }: NewerDraftProps) {
  const client = useQueryClient();
  const [comparing, setComparing] = useState(false);
  const newest = async (use: (workflow: WorkflowDetail) => void) => {
    try {
      use(await client.fetchQuery({ ...workflowOptions(id), staleTime: 0 }));
      // The button that had the focus goes.
      if (!focusCode(within.current)) {
        within.current?.querySelector<HTMLElement>("[data-graph]")?.focus();
      }
    } catch (error) {
      toastProblem("The newest draft could not be read", error);
    }
  };
  return (
    <Notice tone="warn" role="alert" icon={IconGitMerge} title="Somebody saved a newer draft meanwhile">
      Your edit is still here and nothing was overwritten. Look at the difference, then take the newest draft
      and repeat your edit, or put your edit in its place and save again.
      <Group gap="xs" mt="xs">
        <Button variant="default" onClick={() => setComparing(true)}>
          Show the difference
        </Button>
        <Button variant="default" onClick={() => void newest(editor.reload)}>
          Take the newest, drop my edit
        </Button>
        <Button variant="default" onClick={() => void newest(editor.rebase)}>
          Keep my edit as the draft
        </Button>
      </Group>
      <Modal
        opened={comparing}
        onClose={() => setComparing(false)}
        size="80%"
        title="The newest draft and your edit"
      >
        <Difference id={id} mine={editor.source} />
      </Modal>
    </Notice>
  );
}

function Difference({ id, mine }: { id: number; mine: string }) {
  const { data, error, refetch } = useQuery({
    ...workflowOptions(id),
    queryKey: [...workflowOptions(id).queryKey, "newest"],
    staleTime: 0,
  });
  if (!data) {
    return error ? <ErrorState error={error} onRetry={() => void refetch()} /> : <LoadingLines />;
  }
  const name = `The draft by ${actorName(data.updated_by)}`;
  return (
    <>
      <p className="dim">Left: {name}. Right: your edit.</p>
      <CodeDiff
        label="The newest draft and your edit"
        names={[name, "Your edit"]}
        before={draftSource(data)}
        after={mine}
        language="yaml"
      />
    </>
  );
}
