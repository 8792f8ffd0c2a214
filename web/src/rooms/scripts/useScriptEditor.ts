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

export interface ScriptEditor {
  draft: DefinitionDraft;
  change: (part: Partial<DefinitionDraft>) => void;
  dirty: boolean;
  /** Why it cannot be saved now. */
  reason: string | undefined;
  save: () => void;
  saving: boolean;
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

  const check = useMutation({
    mutationFn: async (content: string): Promise<Checked> => ({
      content,
      problems: await checkCode(script.language, content),
    }),
    onSuccess: setChecked,
  });
  const save = useMutation({
    mutationFn: () =>
      answer(
        api.PATCH("/api/v1/scripts/{id}", {
          params: { path: { id: script.id } },
          body: { definition: definitionOf(draft), message: message.trim(), based_on: base.version },
        }),
      ),
    onSuccess: async (saved) => {
      client.setQueryData(scriptOptions(script.id).queryKey, saved);
      // The ids of rows stay, so that nothing moves under the cursor.
      setBase({ version: saved.version, draft });
      setMessage("");
      toastDone(`${saved.name} is saved as version ${saved.version}`);
      await client.invalidateQueries({ queryKey: scriptKey });
    },
  });
  const newest = async () => {
    save.reset();
    return client.fetchQuery({ ...scriptOptions(script.id), staleTime: 0 });
  };
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
      if (reason === undefined && !save.isPending) {
        // What the parser thinks is a hint: it does not keep anybody from saving.
        check.mutate(draft.content);
        save.mutate();
      }
    },
    saving: save.isPending,
    message,
    setMessage,
    errors: at,
    general: problem && !outrun && (rest.length > 0 || Object.keys(at).length === 0) ? save.error : undefined,
    outrun,
    check: () => check.mutate(draft.content),
    checking: check.isPending,
    checkError: check.error,
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
