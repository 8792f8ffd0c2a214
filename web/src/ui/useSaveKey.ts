import { useEffect, useRef } from "react";
import { toastRefused } from "./toast";

/** Ctrl+S or Cmd+S anywhere on the page but in a dialog: saves, or says why not. */
export function useSaveKey(save: () => void, reason: string | undefined): void {
  const latest = useRef({ save, reason });
  latest.current = { save, reason };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey) || event.altKey) {
        return;
      }
      event.preventDefault();
      if (document.querySelector("dialog[open], [aria-modal=true]")) {
        return;
      }
      const { save: act, reason: why } = latest.current;
      if (why === undefined) {
        act();
      } else {
        toastRefused("Not saved", why);
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}
