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
  for (const [type, places] of Object.entries(USED)) {
    const note = ({ target }: Event) => noteUse(target, places);
    document.addEventListener(type, note, { capture: true, passive: true });
  }
}

/** Where an event is work that somebody did. A click alone closes, opens or sorts what is no form. */
const USED = { input: "form, textarea, [role=dialog]", click: "form" };

function noteUse(target: EventTarget | null, places: string): void {
  const place = target instanceof Element ? target.closest(places) : null;
  if (place && !used.has(place)) {
    forgetWhatIsGone();
    used.add(place);
  }
}

/** Sent, closed or left. */
function forgetWhatIsGone(): void {
  for (const place of used) {
    if (!place.isConnected) {
      used.delete(place);
    }
  }
}

/** An edit that leaving would ask about. */
export const hasEdit = (): boolean => edits.size > 0;

/** Nobody asks about them any more. */
export function dropEdits(): void {
  edits.clear();
  used.clear();
}

export function somethingUnsaved(): boolean {
  forgetWhatIsGone();
  return hasEdit() || used.size > 0;
}
