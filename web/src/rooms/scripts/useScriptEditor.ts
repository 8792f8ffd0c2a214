import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useCallback, useState } from "react";
import { api } from "~/api/client";
import { answer, asProblem, problemsByField } from "~/api/problem";
import type { ScriptDetail, ScriptProblem } from "~/api/types";
import { bytes } from "~/ui/format";
import { toastDone } from "~/ui/toast";
import { checkCode, scriptKey, scriptOptions } from "./api";
import { type DefinitionDraft, definitionFields, definitionOf, draftOf, sameDefinition } from "./definition";
import { CONTENT_BYTES, contentBytes } from "./words";

export type Checked = { content: string; problems: ScriptProblem[] };

/** What is sent: as it was when somebody asked to save it, whatever is typed meanwhile. */
interface Edit {
  draft: DefinitionDraft;
  message: string;
  basedOn: number;
}

export interface ScriptEditor {
  draft: DefinitionDraft;
  change: (part: Partial<DefinitionDraft>) => void;
  dirty: boolean;
  /** Why it cannot be saved now. */
  reason: string | undefined;
  /** Looks the code over, and saves it when nothing is found. */
  save: () => void;
  saving: boolean;
  /** What was found in the code that somebody asked to save: it waits for their word. */
  doubts: ScriptProblem[] | undefined;
  saveAnyway: () => void;
  keepEditing: () => void;
  message: string;
  setMessage: (message: string) => void;
  errors: Record<string, string | undefined>;
  /** What stands at no field. */
  general: unknown;
  /** Somebody saved a newer version meanwhile. */
  outrun: boolean;
  check: () => void;
  checking: boolean;
  checkError: unknown;
  checked: Checked | undefined;
  /** Takes the newest version and drops the edit. */
  reload: () => Promise<void>;
  /** Puts the edit onto the newest version. */
  rebase: () => Promise<void>;
}

/** What is being edited, based on the version it was loaded with. */
export function useScriptEditor(script: ScriptDetail): ScriptEditor {
  const client = useQueryClient();
  const [base, setBase] = useState(() => ({ version: script.version, draft: draftOf(script.definition) }));
  const [draft, setDraft] = useState(base.draft);
  const [message, setMessage] = useState("");
  const [checked, setChecked] = useState<Checked>();
  const [doubted, setDoubted] = useState<Edit & { problems: ScriptProblem[] }>();
  const dirty = !sameDefinition(draft, base.draft);
  const start = (version: number, next: DefinitionDraft) => {
    setBase({ version, draft: next });
    setDraft(next);
  };
  if (!dirty && script.version > base.version) {
    // Nothing is lost: the page shows what is there now.
    start(script.version, draftOf(script.definition));
  }
  const size = contentBytes(draft.content);

  const lookOver = async (content: string): Promise<Checked> => ({
    content,
    problems: await checkCode(script.language, content),
  });
  const check = useMutation({ mutationFn: lookOver, onSuccess: setChecked });
  const save = useMutation({
    mutationFn: (edit: Edit) =>
      answer(
        api.PATCH("/api/v1/scripts/{id}", {
          params: { path: { id: script.id } },
          body: {
            definition: definitionOf(edit.draft),
            message: edit.message.trim(),
            based_on: edit.basedOn,
          },
        }),
      ),
    onSuccess: async (saved, edit) => {
      client.setQueryData(scriptOptions(script.id).queryKey, saved);
      // The ids of rows stay, so that nothing moves under the cursor.
      setBase({ version: saved.version, draft: edit.draft });
      setMessage((now) => (now === edit.message ? "" : now));
      toastDone(`${saved.name} is saved as version ${saved.version}`);
      await client.invalidateQueries({ queryKey: scriptKey });
    },
  });
  const before = useMutation({
    mutationFn: async (edit: Edit) => {
      const { content } = edit.draft;
      const known = content === checked?.content ? checked : undefined;
      return content === base.draft.content ? undefined : (known ?? (await lookOver(content)));
    },
    onSuccess: (looked, edit) => {
      if (looked) {
        setChecked(looked);
      }
      if (looked && looked.problems.length > 0) {
        setDoubted({ ...edit, problems: looked.problems });
      } else {
        save.mutate(edit);
      }
    },
    // What the parser thinks is a hint: without it there is nothing to wait for.
    onError: (_, edit) => save.mutate(edit),
  });
  const newest = async () => {
    const fresh = await client.fetchQuery({ ...scriptOptions(script.id), staleTime: 0 });
    // Not before: who saves meanwhile would be told the same again.
    save.reset();
    return fresh;
  };
  const saving = before.isPending || save.isPending;
  const problem = save.error ? asProblem(save.error) : undefined;
  const { at, rest } = problemsByField<string>(problem?.fields ?? [], definitionFields(draft));
  const outrun = problem?.code === "newer_version";
  const reason = !dirty
    ? "Nothing has been changed"
    : size > CONTENT_BYTES
      ? `The code is ${bytes(size)}; the limit is ${bytes(CONTENT_BYTES)}`
      : undefined;

  return {
    draft,
    change: useCallback(
      (part: Partial<DefinitionDraft>) => setDraft((before) => ({ ...before, ...part })),
      [],
    ),
    dirty,
    reason,
    save: () => {
      if (reason === undefined && !saving) {
        save.reset();
        before.mutate({ draft, message, basedOn: base.version });
      }
    },
    saving,
    doubts: doubted?.problems,
    saveAnyway: () => {
      if (doubted) {
        setDoubted(undefined);
        save.mutate(doubted);
      }
    },
    keepEditing: () => setDoubted(undefined),
    message,
    setMessage,
    errors: at,
    general: problem && !outrun && (rest.length > 0 || Object.keys(at).length === 0) ? save.error : undefined,
    outrun,
    check: () => check.mutate(draft.content),
    checking: check.isPending,
    checkError: check.error ?? before.error,
    checked,
    reload: async () => {
      const fresh = await newest();
      start(fresh.version, draftOf(fresh.definition));
    },
    rebase: async () => {
      const fresh = await newest();
      setBase({ version: fresh.version, draft: draftOf(fresh.definition) });
    },
  };
}
