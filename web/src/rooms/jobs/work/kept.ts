/**
 * Which secrets a save sends. The server keeps those it has when none are sent, and when some are sent it forgets all
 * the others: so it is all of them or none.
 */
import type { SecretEntry } from "./fields";

interface Sent {
  /** Absent: what is kept stays. */
  secrets?: Record<string, string>;
  missing?: string;
}

export function sentSecrets(asked: SecretEntry[], kept: string[]): Sent {
  const given = asked.filter(({ value }) => value !== "");
  const left = asked.filter(({ name, value }) => value === "" && kept.includes(name));
  const gone = kept.filter((name) => asked.every((entry) => entry.name !== name));
  if (given.length === 0 && gone.length === 0) {
    return {};
  }
  const again = left[0];
  if (again) {
    const why =
      given.length > 0
        ? "new secrets replace all that are kept"
        : `the kept secret ${gone[0]} is not wanted any more, and what is kept can only be replaced as a whole`;
    return { missing: `Give the value of ${again.name} again: ${why}` };
  }
  return { secrets: Object.fromEntries(given.map(({ name, value }) => [name, value])) };
}
