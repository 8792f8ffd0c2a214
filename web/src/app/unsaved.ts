/** What on the page would be lost by leaving it. Editors say it; in forms and dialogs, it is what somebody did there. */
import { useEffect } from "react";

const edits = new Set<object>();
const used = new Set<Element>();

/** For as long as the page holds an edit that is not saved. */
export function useUnsaved(dirty: boolean): void {
  useEffect(() => {
    if (!dirty) {
      return;
    }
    const edit = {};
    edits.add(edit);
    return () => {
      edits.delete(edit);
    };
  }, [dirty]);
}

/** Remembers which forms and dialogs somebody has begun with. */
export function watchForms(): void {
  for (const type of ["input", "click"]) {
    document.addEventListener(type, ({ target }) => noteUse(target), { capture: true, passive: true });
  }
}

function noteUse(target: EventTarget | null): void {
  const place = target instanceof Element ? target.closest("form, textarea, [role=dialog]") : null;
  if (place) {
    used.add(place);
  }
}

/** An edit that leaving would ask about. */
export const hasEdit = (): boolean => edits.size > 0;

export function somethingUnsaved(): boolean {
  for (const place of used) {
    // Sent, closed or left.
    if (!place.isConnected) {
      used.delete(place);
    }
  }
  return hasEdit() || used.size > 0;
}
