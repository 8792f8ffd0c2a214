import { useQuery } from "@tanstack/react-query";
import type { Parameter, ScriptDetail } from "~/api/types";
import { scriptOptions, versionOptions } from "../api";
import type { SavedScriptDraft } from "./draft";

export interface ChosenScript {
  script: ScriptDetail | undefined;
  /** Of the chosen version; absent while they are not known. */
  parameters: Parameter[] | undefined;
  /** What holds unless the form says otherwise. */
  timeoutSeconds: number | undefined;
  concurrency: string | undefined;
  error: unknown;
  retry: () => void;
}

const NONE: Parameter[] = [];

/** What is known of the saved script that a form names. */
export function useChosenScript({ id, version }: Pick<SavedScriptDraft, "id" | "version">): ChosenScript {
  const script = useQuery({ ...scriptOptions(id ?? 0), enabled: id !== undefined });
  const number = version === "" ? script.data?.version : Number(version);
  const chosen = useQuery({
    ...versionOptions(id ?? 0, number ?? 0),
    enabled: id !== undefined && number !== undefined,
  });
  const definition = id === undefined ? undefined : chosen.data?.definition;
  return {
    script: id === undefined ? undefined : script.data,
    parameters: definition && (definition.parameters ?? NONE),
    timeoutSeconds: definition?.timeout_seconds ?? undefined,
    concurrency: definition?.concurrency?.key,
    error: script.error ?? chosen.error,
    retry: () => void (script.error ? script.refetch() : chosen.refetch()),
  };
}
