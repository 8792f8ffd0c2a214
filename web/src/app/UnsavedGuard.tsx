import { useBlocker } from "@tanstack/react-router";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { hasEdit, useUnsaved } from "./unsaved";

/** Asks before a page with an edit is left, and keeps it there while its user is signed out. */
export function UnsavedGuard({ name, dirty }: { name: string; dirty: boolean }) {
  useUnsaved(dirty);
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => dirty && current.pathname !== next.pathname,
    enableBeforeUnload: () => dirty && hasEdit(),
    withResolver: true,
  });
  return (
    <ConfirmDialog
      opened={blocker.status === "blocked"}
      title="Leave without saving?"
      confirmLabel="Leave and lose the edit"
      danger
      onConfirm={() => blocker.proceed?.()}
      onClose={() => blocker.reset?.()}
    >
      What you changed in {name} is not saved.
    </ConfirmDialog>
  );
}
