/** A saved script with its parameters as it stands in a form that runs it later. */
import type { Parameter } from "~/api/types";
import { initialTexts, type ParameterTexts } from "../parameters";

export interface SavedScriptDraft {
  id: number | undefined;
  /** Empty: the newest at each run. */
  version: string;
  /** What was typed; parameters that are not in it have their defaults. */
  texts: ParameterTexts;
  /** Whether defaults are filled in. Not for what was saved without them: it goes by those of each version. */
  withDefaults: boolean;
}

export const emptyScript = (id?: number): SavedScriptDraft => ({
  id,
  version: "",
  texts: {},
  withDefaults: true,
});

/** What is in the inputs of a saved script's parameters. */
export const textsOf = (
  { texts, withDefaults }: Pick<SavedScriptDraft, "texts" | "withDefaults">,
  parameters: Parameter[],
): ParameterTexts => (withDefaults ? { ...initialTexts(parameters), ...texts } : texts);
