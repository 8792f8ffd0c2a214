/** How code looks: one theme made of the page's custom properties, so that light and dark need no second one. */
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const look = EditorView.theme({
  "&": {
    height: "100%",
    color: "var(--console-text)",
    backgroundColor: "var(--console)",
    fontSize: "0.8125rem",
  },
  // The frame around it shows the focus.
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": {
    fontFamily: "var(--mantine-font-family-monospace)",
    fontVariantLigatures: "none",
    lineHeight: "1.25rem",
  },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": {
    color: "var(--console-dim)",
    backgroundColor: "var(--console-gutter)",
    borderRight: "1px solid var(--line)",
  },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--code-line)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--code-selection)",
  },
  ".cm-selectionMatch": { backgroundColor: "var(--tone-warn-soft)" },
  "&.cm-focused .cm-matchingBracket": {
    backgroundColor: "var(--code-selection)",
    outline: "1px solid var(--accent)",
  },
  "&.cm-focused .cm-nonmatchingBracket": {
    color: "var(--tone-bad)",
    backgroundColor: "var(--tone-bad-soft)",
  },
  ".cm-searchMatch": { backgroundColor: "var(--tone-warn-soft)", outline: "1px solid var(--tone-warn)" },
  ".cm-searchMatch-selected": { backgroundColor: "var(--code-selection)" },
  ".cm-panels": { color: "var(--text)", backgroundColor: "var(--surface-sunken)" },
  ".cm-panels-top": { borderBottom: "1px solid var(--line)" },
  ".cm-panels-bottom": { borderTop: "1px solid var(--line)" },
  ".cm-panel.cm-search": {
    fontFamily: "var(--mantine-font-family)",
    padding: "0.375rem 1.75rem 0.375rem 0.5rem",
  },
  ".cm-panel.cm-search label": { fontSize: "0.75rem" },
  ".cm-textfield": {
    color: "var(--text)",
    backgroundColor: "var(--surface)",
    border: "1px solid var(--line-strong)",
    borderRadius: "4px",
    padding: "0.125rem 0.375rem",
  },
  ".cm-button": {
    color: "var(--text)",
    backgroundColor: "var(--surface)",
    backgroundImage: "none",
    border: "1px solid var(--line-strong)",
    borderRadius: "4px",
    padding: "0.125rem 0.5rem",
  },
  ".cm-panel.cm-search [name=close]": { color: "var(--text)", padding: "0 0.375rem", fontSize: "1rem" },
  ".cm-tooltip": {
    color: "var(--text)",
    backgroundColor: "var(--surface-raised)",
    border: "1px solid var(--line-strong)",
    borderRadius: "4px",
  },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--tone-warn)" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--tone-bad)" },
  ".cm-lintRange-warning, .cm-lintRange-error": {
    backgroundImage: "none",
    textDecoration: "underline wavy var(--tone-warn)",
    textDecorationSkipInk: "none",
  },
  ".cm-lintRange-error": { textDecorationColor: "var(--tone-bad)" },
  ".cm-lint-marker-warning, .cm-lint-marker-error": {
    content: "none",
    width: "0.625rem",
    height: "0.625rem",
    marginTop: "0.3125rem",
    borderRadius: "50%",
    backgroundColor: "var(--tone-warn)",
  },
  ".cm-lint-marker-error": { borderRadius: "2px", backgroundColor: "var(--tone-bad)" },
  ".cm-changedLine, .cm-insertedLine": { backgroundColor: "var(--tone-good-soft)" },
  ".cm-deletedChunk, .cm-deletedLine": { backgroundColor: "var(--tone-bad-soft)" },
  "&.cm-merge-a .cm-changedLine": { backgroundColor: "var(--tone-bad-soft)" },
  "&.cm-merge-b .cm-changedLine": { backgroundColor: "var(--tone-good-soft)" },
  "&.cm-merge-a .cm-changedText": { background: "none", textDecoration: "underline 2px var(--tone-bad)" },
  "&.cm-merge-b .cm-changedText": { background: "none", textDecoration: "underline 2px var(--tone-good)" },
  ".cm-collapsedLines": {
    color: "var(--text-dim)",
    background: "var(--surface-sunken)",
    borderTop: "1px solid var(--line)",
    borderBottom: "1px solid var(--line)",
  },
  // The sign that stands there otherwise is in few fonts.
  ".cm-collapsedLines:before, .cm-collapsedLines:after": { content: '"…"' },
});

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.controlKeyword, tags.operatorKeyword], color: "var(--code-keyword)" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--code-string)" },
  { tag: [tags.comment, tags.meta], color: "var(--code-comment)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--code-number)" },
  {
    tag: [tags.variableName, tags.special(tags.variableName), tags.propertyName, tags.attributeName],
    color: "var(--code-name)",
  },
  {
    tag: [
      tags.function(tags.variableName),
      tags.definition(tags.variableName),
      tags.standard(tags.variableName),
    ],
    color: "var(--code-function)",
  },
  { tag: [tags.typeName, tags.className], color: "var(--code-function)" },
]);

export const codeTheme: Extension = [look, syntaxHighlighting(colours)];
