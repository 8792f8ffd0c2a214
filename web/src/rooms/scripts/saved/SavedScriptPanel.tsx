import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ParameterValue } from "~/api/types";
import { Facts, Panel } from "~/ui/Page";
import { scriptOptions } from "../api";
import classes from "./saved.module.css";

interface SavedScriptPanelProps {
  work: { script_id: number; version?: number | null; parameters?: Record<string, ParameterValue> };
  /** Of these only the names are known. */
  secrets: string[];
  /** What no version means. */
  newest: string;
}

/** Which saved script something runs, and with what. */
export function SavedScriptPanel({ work, secrets, newest }: SavedScriptPanelProps) {
  const { data: script } = useQuery(scriptOptions(work.script_id));
  return (
    <Panel title="Saved script">
      <Facts
        facts={[
          [
            "Script",
            <Link
              key="script"
              to="/scripts/$scriptId"
              params={{ scriptId: String(work.script_id) }}
              className="link"
            >
              {script?.name ?? `Script ${work.script_id}`}
            </Link>,
          ],
          ["Version", work.version ?? newest],
        ]}
      />
      <ParameterFacts values={work.parameters ?? {}} secrets={secrets} />
    </Panel>
  );
}

interface ParameterFactsProps {
  values: Record<string, ParameterValue>;
  secrets: string[];
}

export function ParameterFacts({ values, secrets }: ParameterFactsProps) {
  const given = Object.entries(values);
  return (
    <>
      {given.length > 0 && (
        <dl className={classes.parameters} aria-label="Parameters">
          {given.map(([name, value]) => (
            <div key={name}>
              <dt>
                <code>{name}</code>
              </dt>
              <dd>
                <code>{String(value)}</code>
              </dd>
            </div>
          ))}
        </dl>
      )}
      {secrets.length > 0 && (
        <dl className={classes.parameters} aria-label="Secrets">
          {secrets.map((name) => (
            <div key={name}>
              <dt>
                <code>{name}</code>
              </dt>
              <dd className="dim">secret</dd>
            </div>
          ))}
        </dl>
      )}
    </>
  );
}
