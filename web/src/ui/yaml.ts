/** YAML in block style of what JSON can say. Whatever a text holds, it is read back as that text. */

/** Words that mean themselves; the rest stands in quotes, which YAML reads as JSON does. */
const PLAIN = /^[A-Za-z_][\w./+-]*(?: [\w./+-]+)*$/;
/** YAML readers of the older kind take these for something else. */
const TAKEN = /^(?:true|false|null|yes|no|on|off|y|n|nan|inf)$/i;
const UNPRINTABLE = /[\u007f-\u009f\u2028\u2029\ufeff]/g;

export function toYaml(value: unknown): string {
  return `${block(value, "").trimStart()}\n`;
}

function block(value: unknown, indent: string): string {
  if (Array.isArray(value) && value.length > 0) {
    return value.map((entry) => `\n${indent}- ${item(entry, `${indent}  `)}`).join("");
  }
  if (isRecord(value)) {
    const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
    return entries.length === 0
      ? " {}"
      : entries.map(([key, entry]) => `\n${indent}${scalar(key)}:${block(entry, `${indent}  `)}`).join("");
  }
  return ` ${scalar(value)}`;
}

/** What begins behind a dash goes on below its first letter. */
function item(value: unknown, indent: string): string {
  return block(value, indent).trimStart();
}

function scalar(value: unknown): string {
  if (Array.isArray(value)) {
    return "[]";
  }
  if (typeof value !== "string") {
    return JSON.stringify(value ?? null);
  }
  return PLAIN.test(value) && !TAKEN.test(value)
    ? value
    : JSON.stringify(value).replaceAll(
        UNPRINTABLE,
        (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
      );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
