/** A script as a file that `postern script apply` reads, and the import of the pages. */
import type { Language, ScriptDetail } from "~/api/types";
import { toYaml } from "~/ui/yaml";

export const FENCE = "# ---";

/** With its end. */
export const firstLine = (text: string): string => text.slice(0, text.indexOf("\n") + 1) || text;

type Written = Pick<ScriptDetail, "name" | "kind" | "description" | "language" | "definition">;

export function writeScript({ name, kind, description, language, definition }: Written): string {
  const { content = "", ...settings } = definition;
  const header = toYaml(
    said({
      name,
      kind: kind === "script" ? undefined : kind,
      description: description === "" ? undefined : description,
      language,
      ...settings,
    }),
  );
  const first = firstLine(content);
  const interpreter = first.startsWith("#!") && first.endsWith("\n") ? first : "";
  const lines = header.trimEnd().split("\n");
  return [
    interpreter,
    `${FENCE}\n`,
    ...lines.map((line) => `# ${line}\n`),
    `${FENCE}\n`,
    content.slice(interpreter.length),
  ].join("");
}

/** Without what is not given. */
const said = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));

const ENDING: Record<Language, string> = { bash: "sh", python: "py", powershell: "ps1" };

export const fileName = ({ name, language }: Pick<ScriptDetail, "name" | "language">): string =>
  `${name}.${ENDING[language]}`;
