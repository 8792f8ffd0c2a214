import type { ScriptKind } from "~/api/types";
import classes from "./ScriptPage.module.css";

/** Versions have a digest that no policy compares: which one it does is said where somebody may look for it. */
export function DigestHelp({ kind }: { kind: ScriptKind }) {
  return (
    <p className={classes.note}>
      The SHA-256 of a version is that of its code and its settings together. An agent’s policy.toml names
      another one, of the whole text that runs, with its libraries:{" "}
      {kind === "library"
        ? "Preview in the run form of a script that links this library shows it."
        : "Preview in the run form shows it, and so does each job."}
    </p>
  );
}
