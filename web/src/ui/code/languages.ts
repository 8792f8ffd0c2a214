/** The languages that can be coloured. Any other text is shown as it is. */
import { python } from "@codemirror/lang-python";
import { yaml } from "@codemirror/lang-yaml";
import { indentUnit, StreamLanguage } from "@codemirror/language";
import { powerShell } from "@codemirror/legacy-modes/mode/powershell";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import { type Extension, Prec } from "@codemirror/state";

export type CodeLanguage = "bash" | "python" | "powershell" | "yaml" | "text";

const STREAMED = {
  bash: StreamLanguage.define(shell),
  powershell: StreamLanguage.define(powerShell),
};

export function languageOf(name: CodeLanguage): Extension {
  switch (name) {
    case "bash":
    case "powershell":
      return STREAMED[name];
    case "python":
      return python();
    case "yaml":
      return [yaml(), Prec.high(indentUnit.of("  "))];
    case "text":
      return [];
  }
}
