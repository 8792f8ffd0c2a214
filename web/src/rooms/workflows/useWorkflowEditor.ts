import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { api } from "~/api/client";
import { answer, asProblem } from "~/api/problem";
import type { WorkflowDetail, WorkflowProblem } from "~/api/types";
import { count } from "~/ui/format";
import { toastDone } from "~/ui/toast";
import { checkOptions, workflowKey, workflowOptions } from "./api";
import { begun, changed, redone, undone } from "./history";
import { type Checked, foundWords, isError, withDoubts } from "./problems";
import { draftSource } from "./source";

/** What is sent: as it was when somebody asked to save it, whatever is typed meanwhile. */
interface Edit {
  source: string;
  basedOn: string;
}

export interface WorkflowEditor {
  source: string;
  /** Changes with the same tag that follow each other at once are taken back together. */
  change: (source: string, tag?: string) => void;
  undo: () => void;
  redo: () => void;
  canUndo: boolean;
  canRedo: boolean;
  dirty: boolean;
  /** Why it cannot be saved now. */
  reason: string | undefined;
  save: () => void;
  saving: boolean;
  /** Why saving was refused, if it was. */
  refused: unknown;
  /** Somebody saved a newer draft meanwhile. */
  outrun: boolean;
  /** What was found in the text as it stands; absent until it has been looked at. */
  checked: Checked | undefined;
  /** The same, or what was found last: it may be of the text before. */
  lastChecked: Checked | undefined;
  checkError: unknown;
  /** More that is wrong with the text as it stands: what only saving and publishing look for. */
  doubt: (problems: readonly WorkflowProblem[]) => Promise<void>;
  /** Takes the newest draft and drops the edit. */
  reload: (newest: WorkflowDetail) => void;
  /** Puts the edit onto the newest draft. */
  rebase: (newest: WorkflowDetail) => void;
}

/** So long nobody types before the text is looked at. */
const WAIT_MS = 400;

/** What is being edited, based on the draft it was loaded with. */
export function useWorkflowEditor(workflow: WorkflowDetail): WorkflowEditor {
  const client = useQueryClient();
  const saved = draftSource(workflow);
  const [base, setBase] = useState({ sha256: workflow.draft_sha256, source: saved });
  const [history, setHistory] = useState(() => begun(saved));
  const source = history.text;
  const setSource = (text: string, tag?: string) =>
    setHistory((before) => changed(before, text, Date.now(), tag));
  const dirty = source !== base.source;
  if (!dirty && (saved !== base.source || workflow.draft_sha256 !== base.sha256)) {
    // Nothing is lost: the page shows what is there now.
    setBase({ sha256: workflow.draft_sha256, source: saved });
    setSource(saved);
  }
  const [wanted] = useDebouncedValue(source, WAIT_MS);
  const check = useQuery({ ...checkOptions(wanted), placeholderData: keepPreviousData });
  const [doubts, setDoubts] = useState<Checked>();
  const known = usePlaced(saved, workflow.draft_problems);
  const lastChecked = useMemo(
    () => withDoubts(withDoubts(check.data, doubts), known),
    [check.data, doubts, known],
  );
  const checked = lastChecked?.source === source ? lastChecked : undefined;
  const doubt = async (text: string, problems: readonly WorkflowProblem[]) => {
    const { placed } = await import("./placed");
    const found = placed(text, problems);
    setDoubts(found);
    return found;
  };
  const errors = check.data?.source === source ? check.data.problems.filter(isError).length : 0;

  const save = useMutation({
    mutationFn: (edit: Edit) =>
      answer(
        api.PATCH("/api/v1/workflows/{id}", {
          params: { path: { id: workflow.id } },
          body: { source: edit.source, based_on: edit.basedOn },
        }),
      ),
    onSuccess: async (fresh, edit) => {
      client.setQueryData(workflowOptions(workflow.id).queryKey, fresh);
      setBase({ sha256: fresh.draft_sha256, source: edit.source });
      const { problems } = await doubt(edit.source, fresh.draft_problems);
      toastDone(
        `The draft of ${fresh.name} is saved${problems.length > 0 ? `, with ${foundWords(problems)}` : ""}`,
      );
      await client.invalidateQueries({ queryKey: workflowKey });
    },
  });
  const outrun = save.error !== null && asProblem(save.error).code === "newer_draft";
  const reason = !dirty
    ? "Nothing has been changed"
    : errors > 0
      ? `It has ${count(errors, "error")}: mend what is marked first`
      : undefined;

  /** What was refused is not what is there now. */
  const forget = () => {
    if (save.error && !outrun) {
      save.reset();
    }
  };

  return {
    source,
    change: (text, tag) => {
      setSource(text, tag);
      forget();
    },
    undo: () => {
      setHistory(undone);
      forget();
    },
    redo: () => {
      setHistory(redone);
      forget();
    },
    canUndo: history.past.length > 0,
    canRedo: history.future.length > 0,
    dirty,
    reason,
    save: () => {
      if (reason === undefined && !save.isPending) {
        save.mutate({ source, basedOn: base.sha256 });
      }
    },
    saving: save.isPending,
    refused: outrun ? undefined : (save.error ?? undefined),
    outrun,
    checked,
    lastChecked,
    checkError: check.error ?? undefined,
    doubt: async (problems) => {
      await doubt(source, problems);
    },
    reload: (newest) => {
      save.reset();
      const text = draftSource(newest);
      setBase({ sha256: newest.draft_sha256, source: text });
      setSource(text);
    },
    rebase: (newest) => {
      save.reset();
      setBase({ sha256: newest.draft_sha256, source: draftSource(newest) });
    },
  };
}

/** What the server says of the draft that it has: also what was found when somebody else saved it, or before. */
function usePlaced(source: string, problems: readonly WorkflowProblem[]): Checked | undefined {
  const [found, setFound] = useState<Checked>();
  useEffect(() => {
    let current = true;
    // What reads YAML comes with the editor.
    void import("./placed").then(({ placed }) => {
      if (current) {
        setFound(placed(source, problems));
      }
    });
    return () => {
      current = false;
    };
  }, [source, problems]);
  return found;
}
