import { Button, Group } from "@mantine/core";
import { IconGitMerge } from "@tabler/icons-react";
import { asProblem } from "~/api/problem";
import { Notice } from "~/ui/Notice";
import { toastProblem } from "~/ui/toast";

interface NewerEditProps<T> {
  /** The refusal, which says who changed it. */
  error: unknown;
  /** Reads it as it is now. */
  newest: () => Promise<T>;
  onReload: (newest: T) => void;
  onRebase: (newest: T) => void;
}

/** Somebody else has saved meanwhile: nothing is overwritten before somebody says so. */
export function NewerEdit<T>({ error, newest, onReload, onRebase }: NewerEditProps<T>) {
  const take = async (use: (now: T) => void) => {
    try {
      use(await newest());
    } catch (problem) {
      toastProblem("What is there now could not be read", problem);
    }
  };
  return (
    <Notice tone="warn" role="alert" icon={IconGitMerge} title="Somebody saved it meanwhile">
      {asProblem(error).message} Your edit is still here and nothing was overwritten. Take what is there now
      and repeat your edit, or put your edit in its place and save again.
      <Group gap="xs" mt="xs">
        <Button variant="default" onClick={() => void take(onReload)}>
          Take the newest, drop my edit
        </Button>
        <Button variant="default" onClick={() => void take(onRebase)}>
          Keep my edit
        </Button>
      </Group>
    </Notice>
  );
}
