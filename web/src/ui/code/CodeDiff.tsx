import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useMediaQuery } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import classes from "./CodeEditor.module.css";
import { type CodeLanguage, languageOf } from "./languages";
import { shadowOf } from "./shadow";
import { codeTheme } from "./theme";

interface CodeDiffProps {
  label: string;
  /** The names of both sides, for people who hear the page. */
  names: [string, string];
  before: string;
  after: string;
  language: CodeLanguage;
}

const UNCHANGED_SHOWN = { margin: 3, minSize: 6 };

/** Two texts with what is different marked: side by side, or below each other where there is no room. */
export function CodeDiff({ label, names, before, after, language }: CodeDiffProps) {
  const host = useRef<HTMLElement>(null);
  const narrow = useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false });
  const [first, second] = names;

  useEffect(() => {
    const element = host.current;
    if (!element) {
      return;
    }
    const root = shadowOf(element);
    const parent = document.createElement("div");
    root.append(parent);
    const read = (name: string): Extension => [
      lineNumbers(),
      EditorState.readOnly.of(true),
      EditorView.editable.of(false),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": name, role: "textbox", "aria-readonly": "true" }),
      languageOf(language),
      codeTheme,
    ];
    const view = narrow
      ? new EditorView({
          root,
          parent,
          state: EditorState.create({
            doc: after,
            extensions: [
              read(second),
              unifiedMergeView({
                original: before,
                mergeControls: false,
                collapseUnchanged: UNCHANGED_SHOWN,
              }),
            ],
          }),
        })
      : new MergeView({
          root,
          parent,
          a: { doc: before, extensions: read(first) },
          b: { doc: after, extensions: read(second) },
          collapseUnchanged: UNCHANGED_SHOWN,
        });
    return () => {
      view.destroy();
      parent.remove();
    };
  }, [before, after, language, narrow, first, second]);

  // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
  return <section ref={host} className={classes.diff} aria-label={label} tabIndex={0} />;
}
