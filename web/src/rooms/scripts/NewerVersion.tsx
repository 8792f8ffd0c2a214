import { Button, Group, Modal } from "@mantine/core";
import { IconGitMerge } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type RefObject, useState } from "react";
import type { ScriptDetail } from "~/api/types";
import { actorName } from "~/rooms/jobs/words";
import { CodeDiff } from "~/ui/code/CodeDiff";
import { focusCode } from "~/ui/code/CodeEditor";
import { Notice } from "~/ui/Notice";
import { ErrorState, LoadingLines, ProblemAlert } from "~/ui/states";
import { scriptOptions } from "./api";
import type { ScriptEditor } from "./useScriptEditor";

interface NewerVersionProps {
  editor: ScriptEditor;
  script: ScriptDetail;
  /** What the script is edited in. */
  within: RefObject<HTMLElement | null>;
}

/** Somebody else has saved meanwhile: nothing is overwritten before both were looked at. */
export function NewerVersion({ editor, script, within }: NewerVersionProps) {
  const [comparing, setComparing] = useState(false);
  const take = async (newest: () => Promise<void>) => {
    await newest();
    // The button that had the focus goes.
    focusCode(within.current);
  };
  if (editor.general) {
    return <ProblemAlert error={editor.general} />;
  }
  if (!editor.outrun) {
    return null;
  }
  return (
    <Notice tone="warn" role="alert" icon={IconGitMerge} title="Somebody saved a newer version meanwhile">
      Your edit is still here and nothing was overwritten. Look at the difference, then take the newest
      version and repeat your edit, or put your edit on top of it and save again.
      <Group gap="xs" mt="xs">
        <Button variant="default" onClick={() => setComparing(true)}>
          Show the difference
        </Button>
        <Button variant="default" onClick={() => void take(editor.reload)}>
          Take the newest, drop my edit
        </Button>
        <Button variant="default" onClick={() => void take(editor.rebase)}>
          Keep my edit as the next version
        </Button>
      </Group>
      <Modal
        opened={comparing}
        onClose={() => setComparing(false)}
        size="80%"
        title="The newest version and your edit"
      >
        <Difference editor={editor} script={script} />
      </Modal>
    </Notice>
  );
}

function Difference({ editor, script }: { editor: ScriptEditor; script: ScriptDetail }) {
  const { data, error, refetch } = useQuery({
    ...scriptOptions(script.id),
    queryKey: [...scriptOptions(script.id).queryKey, "newest"],
    staleTime: 0,
  });
  if (!data) {
    return error ? <ErrorState error={error} onRetry={() => void refetch()} /> : <LoadingLines />;
  }
  const name = `Version ${data.version} by ${actorName(data.updated_by)}`;
  return (
    <>
      <p className="dim">Left: {name}. Right: your edit.</p>
      <CodeDiff
        label="The newest version and your edit"
        names={[name, "Your edit"]}
        before={data.definition.content ?? ""}
        after={editor.draft.content}
        language={script.language}
      />
    </>
  );
}
