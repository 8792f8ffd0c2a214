/** Words for a POSIX shell. Whatever is in a value, the shell reads it back as that value and nothing else. */

const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** In single quotes unless every character means itself anywhere. */
export function shellWord(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

export function shellLine(words: string[]): string {
  return words.map(shellWord).join(" ");
}

/** A word that looks like an option would be taken for one: behind `=` it is a value whatever it starts with. */
export function option(name: string, value: string): string {
  return shellWord(`${name}=${value}`);
}
