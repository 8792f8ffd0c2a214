/** What can be offered while somebody types a text with placeholders, or a condition. */

export type TextKind = "placeholders" | "condition";

export interface Asked {
  /** What is replaced by what is chosen. */
  from: number;
  to: number;
  typed: string;
  /** Inside braces, or where they are needed. */
  braces: boolean;
}

const PATH_BEFORE = /[A-Za-z_][\w.-]*$/;
const PATH_AFTER = /^[\w.-]*/;
const MOST = 60;

/** What is asked for where the cursor stands; on request even where nothing has been typed yet. */
export function askedAt(text: string, cursor: number, kind: TextKind, wanted = false): Asked | undefined {
  const before = text.slice(0, cursor);
  const after = text.slice(cursor);
  const open = before.lastIndexOf("{{");
  if (open >= 0 && !before.slice(open).includes("}}")) {
    const typed = before.slice(open + 2).trimStart();
    const rest = /^[\w.-]*(?:\s*\}\}?)?/.exec(after)?.[0].length ?? 0;
    return /^[\w.-]*$/.test(typed) ? { from: open, to: cursor + rest, typed, braces: true } : undefined;
  }
  if (kind === "placeholders") {
    return wanted ? { from: cursor, to: cursor, typed: "", braces: true } : undefined;
  }
  if (inQuotes(before)) {
    return undefined;
  }
  const typed = PATH_BEFORE.exec(before)?.[0] ?? "";
  return typed === "" && !wanted
    ? undefined
    : {
        from: cursor - typed.length,
        to: cursor + (PATH_AFTER.exec(after)?.[0].length ?? 0),
        typed,
        braces: false,
      };
}

function inQuotes(before: string): boolean {
  const left = before.replaceAll(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g, "");
  return /["']/.test(left);
}

/** Those that begin with what was typed come first. */
export function offered(variables: readonly string[], { typed }: Asked): string[] {
  const wish = typed.toLowerCase();
  const fits = variables.filter((path) => path.toLowerCase().includes(wish));
  const begins = fits.filter((path) => path.toLowerCase().startsWith(wish));
  const others = fits.filter((path) => !path.toLowerCase().startsWith(wish));
  const all = [...begins, ...others].slice(0, MOST);
  return all.length === 1 && all[0] === typed ? [] : all;
}

export function chosen(
  text: string,
  { from, to, braces }: Asked,
  path: string,
): { text: string; cursor: number } {
  const put = braces ? `{{${path}}}` : path;
  return { text: text.slice(0, from) + put + text.slice(to), cursor: from + put.length };
}
