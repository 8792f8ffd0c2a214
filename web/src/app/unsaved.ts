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
  for (const [type, placeOf] of Object.entries(USES)) {
    const note = (event: Event) => noteUse(placeOf, event);
    document.addEventListener(type, note, { capture: true, passive: true });
  }
}

type PlaceOf = (target: Element, event: Event) => Element | null;

const FORMS = "form, textarea, [role=dialog]";
const COMBOBOX = "[role=combobox]";

const formOf = (target: Element): Element | null => target.closest(FORMS);

/** Where an event is work that somebody did. What is chosen in a combobox, pasted there or taken away makes no input. */
const USES: Record<string, PlaceOf> = {
  input: formOf,
  paste: formOf,
  keydown: (target, event) => (takesAway(target, event) ? formOf(target) : null),
  // A choice made with a key is a click, too. A click alone closes, opens or sorts what is no form.
  click: (target) => {
    const option = target.closest("[role=option]");
    if (option) {
      return option.matches("[aria-disabled=true]") ? null : formOf(comboboxOf(option) ?? option);
    }
    return opensList(target) ? null : target.closest("form");
  },
};

/** The last of several choices, where nothing is typed. */
const takesAway = (target: Element, event: Event): boolean =>
  event instanceof KeyboardEvent &&
  event.key === "Backspace" &&
  target instanceof HTMLInputElement &&
  target.matches(COMBOBOX) &&
  target.value === "";

/** A list lies beside the page, and is of the combobox that opened it. */
const comboboxOf = (option: Element): Element | null =>
  document.querySelector(`[aria-controls="${option.closest("[role=listbox]")?.id}"]`);

/** On a combobox, on its label, or on what lies around it. */
function opensList(target: Element): boolean {
  const meant = target.closest("label")?.control ?? target;
  return meant.matches(COMBOBOX) || meant.querySelector(COMBOBOX) !== null;
}

function noteUse(placeOf: PlaceOf, event: Event): void {
  const place = event.target instanceof Element ? placeOf(event.target, event) : null;
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
