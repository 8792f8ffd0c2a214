/** As the editor shows it, which knows one end of a line. */
export const shown = (text: string): string => text.replaceAll(/\r\n?/g, "\n");

/** What the editor shows, with the ends of lines that the text had before: scripts of Windows keep theirs. */
export const endedAs = (before: string, text: string): string =>
  before.includes("\r\n") ? text.replaceAll("\n", "\r\n") : text;
