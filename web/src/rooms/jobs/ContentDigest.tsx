import { CopyField } from "~/ui/CopyField";

/** The digest of a script's whole text, libraries included: the only one that an agent's policy compares. */
export function ContentDigest({ value }: { value: string }) {
  return (
    <CopyField
      label="SHA-256 of the whole text"
      hint="Of the script with its libraries: what scripts in an agent’s policy.toml names."
      value={value}
    />
  );
}
