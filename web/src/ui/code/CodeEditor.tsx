import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension, type Text } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { useEffect, useId, useRef } from "react";
import { flushSync } from "react-dom";
import classes from "./CodeEditor.module.css";
import { type CodeLanguage, languageOf } from "./languages";
import { endedAs, shown } from "./lineEnds";
import { shadowOf } from "./shadow";
import { codeTheme } from "./theme";

/** Something to say about a place in the text; lines and columns count from 1. */
export interface CodeProblem {
  line: number;
  column: number;
  message: string;
  /** A warning when absent. */
  severity?: "error" | "warning";
}

interface CodeEditorProps {
  label: string;
  value: string;
  onChange?: (value: string) => void;
  language: CodeLanguage;
  readOnly?: boolean;
  problems?: CodeProblem[];
  /** In place of the editor's own history, where others change the text as well. */
  onUndo?: () => void;
  onRedo?: () => void;
}

/**
 * An editor for code. Tab goes on to the next field, as everywhere else on a page; indenting has keys of its own,
 * which the line below the editor names.
 */
export function CodeEditor(props: CodeEditorProps) {
  const { label, value, language, readOnly = false, problems } = props;
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const hint = useId();
  const latest = useRef(props);
  latest.current = props;
  const parts = useRef({ language: new Compartment(), editing: new Compartment() });

  useEffect(() => {
    const element = host.current;
    if (!element) {
      return;
    }
    const root = shadowOf(element);
    const start = latest.current;
    const editor = new EditorView({
      root,
      parent: root as unknown as DocumentFragment,
      state: EditorState.create({
        doc: start.value,
        extensions: [
          keymap.of([
            { key: "Mod-z", run: () => outside(latest.current.onUndo) },
            { key: "Mod-Shift-z", run: () => outside(latest.current.onRedo) },
            { key: "Mod-y", run: () => outside(latest.current.onRedo) },
          ]),
          basics,
          parts.current.language.of(languageOf(start.language)),
          parts.current.editing.of(editing(start.label, start.readOnly ?? false)),
          EditorView.updateListener.of((update) => {
            const before = latest.current.value;
            const text = update.docChanged ? update.state.doc.toString() : shown(before);
            if (text !== shown(before)) {
              // At once, as with any input: the next key may be the one that saves it.
              flushSync(() => latest.current.onChange?.(endedAs(before, text)));
            }
          }),
        ],
      }),
    });
    view.current = editor;
    return () => {
      editor.destroy();
      view.current = null;
    };
  }, []);

  useEffect(() => {
    const editor = view.current;
    const text = shown(value);
    if (editor && editor.state.doc.toString() !== text) {
      editor.dispatch({ changes: difference(editor.state.doc.toString(), text) });
    }
  }, [value]);
  useEffect(() => {
    view.current?.dispatch({ effects: parts.current.language.reconfigure(languageOf(language)) });
  }, [language]);
  useEffect(() => {
    view.current?.dispatch({ effects: parts.current.editing.reconfigure(editing(label, readOnly)) });
  }, [label, readOnly]);
  useEffect(() => {
    const editor = view.current;
    if (editor && problems) {
      editor.dispatch(
        setDiagnostics(
          editor.state,
          problems.map((problem) => diagnostic(problem, editor.state.doc)),
        ),
      );
    }
  }, [problems]);

  return (
    <div className={classes.frame}>
      <div ref={host} className={classes.host} data-testid="code" />
      <p id={hint} className={classes.hint}>
        {readOnly
          ? "To be read only. Ctrl+F searches."
          : "Tab leaves the editor; Ctrl+] and Ctrl+[ indent, Ctrl+F searches, Ctrl+S saves."}
      </p>
    </div>
  );
}

/** Done by whoever holds the text, if somebody does. */
function outside(act: (() => void) | undefined): boolean {
  act?.();
  return act !== undefined;
}

/** Only what differs, so that the cursor and what is in sight stay. */
function difference(before: string, after: string): { from: number; to: number; insert: string } {
  const least = Math.min(before.length, after.length);
  let from = 0;
  while (from < least && before[from] === after[from]) {
    from += 1;
  }
  let same = 0;
  while (same < least - from && before.at(-1 - same) === after.at(-1 - same)) {
    same += 1;
  }
  return { from, to: before.length - same, insert: after.slice(from, after.length - same) };
}

const basics: Extension = [
  lineNumbers(),
  lintGutter(),
  highlightActiveLineGutter(),
  highlightSpecialChars(),
  history(),
  drawSelection(),
  indentOnInput(),
  indentUnit.of("    "),
  EditorState.tabSize.of(4),
  bracketMatching(),
  highlightActiveLine(),
  highlightSelectionMatches(),
  search({ top: true }),
  EditorView.domEventHandlers({ beforeinput: replaceSelection }),
  keymap.of([...defaultKeymap, ...searchKeymap, ...historyKeymap, ...lintKeymap]),
  codeTheme,
];

/**
 * Typing over a selection is done here and not by the browser, which would wrap the new text in an element with an
 * inline style; the content security policy forbids those, and says so on every key.
 */
function replaceSelection(event: InputEvent, editor: EditorView): boolean {
  const { state } = editor;
  const selected = state.selection.ranges.some((range) => !range.empty);
  if (event.inputType !== "insertText" || event.isComposing || !event.data || !selected || state.readOnly) {
    return false;
  }
  event.preventDefault();
  editor.dispatch(state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
  return true;
}

const editing = (label: string, readOnly: boolean): Extension => [
  EditorState.readOnly.of(readOnly),
  EditorView.contentAttributes.of({
    "aria-label": label,
    spellcheck: "false",
    autocapitalize: "off",
    autocorrect: "off",
  }),
];

/** From the named place to the end of its line. What lies behind the end of the text is put at its end. */
function diagnostic(problem: CodeProblem, doc: Text): Diagnostic {
  const { line, column, message, severity = "warning" } = problem;
  const at = doc.line(Math.min(Math.max(line, 1), doc.lines));
  const from = Math.min(at.from + Math.max(column - 1, 0), at.to);
  return { from, to: at.to, severity, message };
}

/** The editor inside this element. */
function editorIn(container: HTMLElement | null): EditorView | null {
  const host = container?.querySelector<HTMLElement>("[data-testid=code]");
  const content = host?.shadowRoot?.querySelector<HTMLElement>(".cm-content");
  return content ? EditorView.findFromDOM(content) : null;
}

/** Whether there is an editor inside this element, which has the focus then. */
export function focusCode(container: HTMLElement | null): boolean {
  const editor = editorIn(container);
  editor?.focus();
  return editor !== null;
}

/** Brings the cursor to a place in the editor inside this element. */
export function goTo(container: HTMLElement | null, problem: CodeProblem): void {
  const editor = editorIn(container);
  if (editor) {
    const { from } = diagnostic(problem, editor.state.doc);
    editor.dispatch({
      selection: { anchor: from },
      effects: EditorView.scrollIntoView(from, { y: "center" }),
    });
    editor.focus();
  }
}
