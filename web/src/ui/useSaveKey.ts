import { useEffect, useRef } from "react";
import { flushSync } from "react-dom";
import { toastDone, toastRefused } from "./toast";

interface Saving {
  save: () => void;
  /** Whether there is something to save. */
  dirty: boolean;
  /** Why it cannot be saved now. */
  reason: string | undefined;
}

/** Ctrl+S or Cmd+S anywhere on the page but in a dialog: saves, or says why not. */
export function useSaveKey(saving: Saving): void {
  const latest = useRef(saving);
  latest.current = saving;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey) || event.altKey) {
        return;
      }
      event.preventDefault();
      if (document.querySelector("dialog[open], [aria-modal=true]")) {
        return;
      }
      // What is taken when its field is left is taken now.
      const field = document.activeElement;
      if (field instanceof HTMLInputElement) {
        flushSync(() => field.blur());
        field.focus();
      }
      const { save, dirty, reason } = latest.current;
      if (!dirty) {
        toastDone("There is nothing to save");
      } else if (reason === undefined) {
        save();
      } else {
        toastRefused("Not saved", reason);
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}
