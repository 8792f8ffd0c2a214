/**
 * Text of a terminal as plain spans. Colours (SGR, ECMA-48 section 8.3.117) are the only thing it understands; every
 * other control character or sequence is made visible, so that output can neither hide nor move anything.
 */

export interface Style {
  fg?: number | string;
  bg?: number | string;
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
  strike?: boolean;
  inverse?: boolean;
  /** Not text of the output: stands for a character that cannot be seen. */
  control?: boolean;
}

export interface Span {
  text: string;
  style: Style;
}

export const PLAIN: Style = Object.freeze({});

export const TAB = 8;
/** A longer list of codes is not a colour but an attempt to keep us busy; it is shown as text. */
const MAX_CODES = 64;

/** Colour sequences, tabs, control characters (C0, DEL, C1), and characters that turn or hide text (bidi, zero width). */
const SPECIAL = new RegExp(
  `\\x1b\\[([0-9;:]{0,${MAX_CODES}})m|[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff]`,
  "g",
);

/** Splits one line into spans and gives the style that the next line starts with. */
export function parseLine(raw: string, start: Style): { spans: Span[]; end: Style; length: number } {
  const spans: Span[] = [];
  let style = start;
  let length = 0;
  let at = 0;
  const put = (text: string, control = false) => {
    if (text === "") {
      return;
    }
    length += text.length;
    const last = spans.at(-1);
    if (control) {
      spans.push({ text, style: { ...style, control } });
    } else if (last && last.style === style) {
      last.text += text;
    } else {
      spans.push({ text, style });
    }
  };
  SPECIAL.lastIndex = 0;
  for (let match = SPECIAL.exec(raw); match; match = SPECIAL.exec(raw)) {
    put(raw.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[1] !== undefined) {
      style = applySgr(style, match[1]);
    } else if (match[0] === "\t") {
      put(" ".repeat(TAB - (length % TAB)));
    } else {
      put(visible(match[0]), true);
    }
  }
  put(raw.slice(at));
  return { spans, end: style, length };
}

/** Whether a line needs parsing at all; most do not. */
export function isPlain(raw: string): boolean {
  SPECIAL.lastIndex = 0;
  return !SPECIAL.test(raw);
}

/** A control character as something to look at: `^[`, `^@`, `<U+202E>`. */
export function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20 || code === 0x7f) {
    return `^${String.fromCharCode(code ^ 0x40)}`;
  }
  return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
}

export function applySgr(style: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map((code) => (code === "" ? 0 : Number(code)));
  let next: Style = { ...style };
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index] ?? 0;
    if (code === 0) {
      next = {};
    } else if (code === 38 || code === 48) {
      const { color, used } = extendedColor(codes, index + 1);
      index += used;
      if (color !== undefined) {
        next[code === 38 ? "fg" : "bg"] = color;
      }
    } else {
      simpleCode(next, code);
    }
  }
  return Object.keys(next).length === 0 ? PLAIN : next;
}

function simpleCode(style: Style, code: number): void {
  if (code >= 30 && code <= 37) {
    style.fg = code - 30;
  } else if (code >= 90 && code <= 97) {
    style.fg = code - 90 + 8;
  } else if (code >= 40 && code <= 47) {
    style.bg = code - 40;
  } else if (code >= 100 && code <= 107) {
    style.bg = code - 100 + 8;
  } else {
    switch (code) {
      case 1:
        style.bold = true;
        break;
      case 2:
        style.dim = true;
        break;
      case 3:
        style.italic = true;
        break;
      case 4:
        style.underline = true;
        break;
      case 7:
        style.inverse = true;
        break;
      case 9:
        style.strike = true;
        break;
      case 22:
        delete style.bold;
        delete style.dim;
        break;
      case 23:
        delete style.italic;
        break;
      case 24:
        delete style.underline;
        break;
      case 27:
        delete style.inverse;
        break;
      case 29:
        delete style.strike;
        break;
      case 39:
        delete style.fg;
        break;
      case 49:
        delete style.bg;
        break;
      // 8 (concealed) and blinking are left out on purpose: nothing is hidden, nothing moves.
      default:
        break;
    }
  }
}

/** `5;N` or `2;R;G;B` after 38 or 48. */
function extendedColor(codes: number[], at: number): { color?: number | string; used: number } {
  if (codes[at] === 5) {
    const index = codes[at + 1] ?? -1;
    return { color: index >= 0 && index <= 255 ? indexedColor(index) : undefined, used: 2 };
  }
  if (codes[at] === 2) {
    const parts = [codes[at + 1], codes[at + 2], codes[at + 3]];
    const valid = parts.every((part) => part !== undefined && part >= 0 && part <= 255);
    return { color: valid ? hex(parts as number[]) : undefined, used: 4 };
  }
  return { used: 0 };
}

/** The first 16 are the reader's own palette; the others are fixed: a cube of 6×6×6 and a ramp of greys. */
function indexedColor(index: number): number | string {
  if (index < 16) {
    return index;
  }
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return hex([grey, grey, grey]);
  }
  const level = (step: number) => (step === 0 ? 0 : 55 + step * 40);
  const cube = index - 16;
  return hex([level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)]);
}

const hex = (parts: number[]): string =>
  `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
