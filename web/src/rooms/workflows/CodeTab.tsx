import { Button } from "@mantine/core";
import { useEffect, useRef } from "react";
import { CodeEditor, goTo } from "~/ui/code/CodeEditor";
import { Panel } from "~/ui/Page";
import { Pill } from "~/ui/Pill";
import { ProblemAlert } from "~/ui/states";
import { type Found, foundWords, isError } from "./problems";
import type { WorkflowEditor } from "./useWorkflowEditor";
import classes from "./workflows.module.css";

interface CodeTabProps {
  editor: WorkflowEditor;
  readOnly: boolean;
  /** To be looked at first. */
  line?: number | undefined;
}

/** The draft as YAML, looked over by the server while somebody types. */
export function CodeTab({ editor, readOnly, line }: CodeTabProps) {
  const frame = useRef<HTMLDivElement>(null);
  const { checked } = editor;
  useEffect(() => {
    if (line !== undefined) {
      goTo(frame.current, { line, column: 1, message: "" });
    }
  }, [line]);
  return (
    <div className={classes.code}>
      <div ref={frame} className={classes.editor}>
        <CodeEditor
          label="Code"
          value={editor.source}
          language="yaml"
          readOnly={readOnly}
          problems={checked?.problems ?? NONE}
          onChange={(text) => editor.change(text, "code")}
          onUndo={editor.undo}
          onRedo={editor.redo}
        />
      </div>
      <Panel title="Problems" aside={<Verdict editor={editor} />}>
        {editor.checkError ? (
          <ProblemAlert error={editor.checkError} />
        ) : (
          <Problems
            problems={checked?.problems ?? NONE}
            looked={checked !== undefined}
            onGo={(problem) => goTo(frame.current, problem)}
          />
        )}
      </Panel>
    </div>
  );
}

const NONE: Found[] = [];

function Verdict({ editor: { checked, checkError } }: { editor: WorkflowEditor }) {
  if (checkError) {
    return null;
  }
  return (
    <span role="status">
      {checked === undefined ? (
        <span className="dim">Looking it over…</span>
      ) : checked.problems.length === 0 ? (
        <Pill tone="good">No problem found</Pill>
      ) : (
        <Pill tone={checked.problems.some(isError) ? "bad" : "warn"}>{foundWords(checked.problems)}</Pill>
      )}
    </span>
  );
}

interface ProblemsProps {
  problems: Found[];
  looked: boolean;
  onGo: (problem: Found) => void;
}

function Problems({ problems, looked, onGo }: ProblemsProps) {
  if (problems.length === 0) {
    return (
      <p className={classes.note}>
        {looked
          ? "What it names, like scripts and actions, is looked for when it is saved."
          : "The server reads it when nobody has typed for a moment."}
      </p>
    );
  }
  return (
    <ul className={classes.problems} aria-label="Problems of the code">
      {problems.map((problem) => (
        <li key={`${problem.pointer}:${problem.line}:${problem.column}:${problem.message}`}>
          <span className={classes.problemHead}>
            <Pill tone={isError(problem) ? "bad" : "warn"}>{isError(problem) ? "Error" : "Warning"}</Pill>
            <Button variant="subtle" size="compact-xs" onClick={() => onGo(problem)}>
              Line {problem.line}
            </Button>
          </span>
          {problem.pointer !== "" && <code className={classes.pointer}>{problem.pointer}</code>}
          <span className={classes.message}>{problem.message}</span>
        </li>
      ))}
    </ul>
  );
}
