import { Button, TextInput } from "@mantine/core";
import { IconChecklist } from "@tabler/icons-react";
import { useMemo, useRef } from "react";
import type { Language } from "~/api/types";
import { ActionButton } from "~/ui/ActionButton";
import { CodeEditor, goTo } from "~/ui/code/CodeEditor";
import { bytes, count } from "~/ui/format";
import { Notice } from "~/ui/Notice";
import { ProblemAlert } from "~/ui/states";
import classes from "./ScriptPage.module.css";
import type { ScriptEditor } from "./useScriptEditor";
import { CONTENT_BYTES, contentBytes } from "./words";

interface CodeTabProps {
  editor: ScriptEditor;
  language: Language;
  readOnly: boolean;
}

/** From this part of the limit on the size is worth a word. */
const NEAR = 0.8;

export function CodeTab({ editor, language, readOnly }: CodeTabProps) {
  const { draft, checked } = editor;
  const frame = useRef<HTMLDivElement>(null);
  const size = useMemo(() => contentBytes(draft.content), [draft.content]);
  const problems = checked?.content === draft.content ? checked.problems : NONE;
  return (
    <div className={classes.code}>
      <div className={classes.tools}>
        <ActionButton label="Check" icon={IconChecklist} loading={editor.checking} onClick={editor.check} />
        <TextInput
          size="xs"
          className={classes.message}
          aria-label="What was changed"
          placeholder="What was changed (kept with the version)"
          maxLength={500}
          value={editor.message}
          error={editor.errors["message"]}
          onChange={(event) => editor.setMessage(event.currentTarget.value)}
        />
        {size > CONTENT_BYTES * NEAR && (
          <span className={size > CONTENT_BYTES ? "problem" : "dim"} role="status">
            {bytes(size)} of {bytes(CONTENT_BYTES)}
            {size > CONTENT_BYTES ? ": too large to be saved" : ""}
          </span>
        )}
      </div>
      {editor.errors["definition.content"] && (
        <p className="problem" role="alert">
          The code {editor.errors["definition.content"]}
        </p>
      )}
      {editor.checkError ? <ProblemAlert error={editor.checkError} /> : null}
      <div ref={frame} className={classes.editor}>
        <CodeEditor
          label="Code"
          value={draft.content}
          language={language}
          readOnly={readOnly}
          problems={problems}
          onChange={(content) => editor.change({ content })}
        />
      </div>
      {checked && checked.content === draft.content && (
        <CheckResult problems={problems} onGo={(problem) => goTo(frame.current, problem)} />
      )}
    </div>
  );
}

const NONE: { line: number; column: number; message: string }[] = [];

interface CheckResultProps {
  problems: typeof NONE;
  onGo: (problem: (typeof NONE)[number]) => void;
}

/** Who judged is said, because it decides how much it is worth. */
function CheckResult({ problems, onGo }: CheckResultProps) {
  const judged =
    "Judged by the parser inside the server, which does not run it and does not know every corner of the language.";
  if (problems.length === 0) {
    return (
      <Notice tone="good" role="status" title="No problem found">
        {judged}
      </Notice>
    );
  }
  return (
    <Notice tone="warn" role="status" title={count(problems.length, "possible problem")}>
      {judged} It does not keep you from saving.
      <ul className={classes.problems}>
        {problems.map((problem) => (
          <li key={`${problem.line}:${problem.column}:${problem.message}`}>
            <Button variant="subtle" size="compact-xs" onClick={() => onGo(problem)}>
              Line {problem.line}
            </Button>
            <span>{problem.message}</span>
          </li>
        ))}
      </ul>
    </Notice>
  );
}
