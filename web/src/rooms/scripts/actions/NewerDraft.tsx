import { Button, Group, Modal } from "@mantine/core";
import { IconGitMerge } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import type { ActionDefinition, ActionDetail } from "~/api/types";
import { actorName } from "~/rooms/jobs/words";
import { Notice } from "~/ui/Notice";
import { ErrorState, LoadingLines } from "~/ui/states";
import { toastProblem } from "~/ui/toast";
import { actionOptions } from "./api";
import { definitionText } from "./draft";

// The editor is most of what it weighs.
const CodeDiff = lazy(() => import("~/ui/code/CodeDiff").then(({ CodeDiff }) => ({ default: CodeDiff })));

interface NewerDraftProps {
  id: number;
  mine: ActionDefinition | undefined;
  onReload: (newest: ActionDetail) => void;
  onRebase: (newest: ActionDetail) => void;
}

/** Somebody else has saved meanwhile: nothing is overwritten before both were looked at. */
export function NewerDraft({ id, mine, onReload, onRebase }: NewerDraftProps) {
  const client = useQueryClient();
  const [comparing, setComparing] = useState(false);
  const newest = async (use: (action: ActionDetail) => void) => {
    try {
      use(await client.fetchQuery({ ...actionOptions(id), staleTime: 0 }));
    } catch (error) {
      toastProblem("The newest draft could not be read", error);
    }
  };
  return (
    <Notice tone="warn" role="alert" icon={IconGitMerge} title="Somebody saved a newer draft meanwhile">
      Your edit is still here and nothing was overwritten. Look at the difference, then take the newest draft
      and repeat your edit, or put your edit on top of it and save again.
      <Group gap="xs" mt="xs">
        <Button variant="default" onClick={() => setComparing(true)}>
          Show the difference
        </Button>
        <Button variant="default" onClick={() => void newest(onReload)}>
          Take the newest, drop my edit
        </Button>
        <Button variant="default" onClick={() => void newest(onRebase)}>
          Keep my edit as the draft
        </Button>
      </Group>
      <Modal
        opened={comparing}
        onClose={() => setComparing(false)}
        size="80%"
        title="The newest draft and your edit"
      >
        <Difference id={id} mine={mine} />
      </Modal>
    </Notice>
  );
}

function Difference({ id, mine }: Pick<NewerDraftProps, "id" | "mine">) {
  const { data, error, refetch } = useQuery({
    ...actionOptions(id),
    queryKey: [...actionOptions(id).queryKey, "newest"],
    staleTime: 0,
  });
  if (!data) {
    return error ? <ErrorState error={error} onRetry={() => void refetch()} /> : <LoadingLines />;
  }
  const name = `The draft by ${actorName(data.updated_by)}`;
  return (
    <Suspense fallback={<LoadingLines />}>
      <p className="dim">Left: {name}. Right: your edit.</p>
      <CodeDiff
        label="The newest draft and your edit"
        names={[name, "Your edit"]}
        before={definitionText(data.draft)}
        after={mine ? definitionText(mine) : ""}
        language="text"
      />
    </Suspense>
  );
}
