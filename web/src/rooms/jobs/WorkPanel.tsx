import { Link } from "@tanstack/react-router";
import type { JobDetail, JobPayload } from "~/api/types";
import { Facts, Panel } from "~/ui/Page";
import { ContentDigest } from "./ContentDigest";
import classes from "./WorkPanel.module.css";
import { JOB_TYPE, LANGUAGE } from "./words";
import { workFrom, workOf } from "./work/draft";
import { type Field, hiddenOf, pairsOf, shown } from "./work/fields";
import { FIELDED, type FieldedType } from "./work/types";

type PanelJob = Pick<JobDetail, "type" | "payload"> & Partial<Pick<JobDetail, "script" | "content_sha256">>;

/** Exactly what runs: arguments one by one, a script with its parameters, or what was asked for field by field. */
export function WorkPanel({ job }: { job: PanelJob }) {
  const work = workOf(job);
  switch (work.type) {
    case "command":
      return <CommandPanel {...work} />;
    case "script":
      return <ScriptPanel {...work} job={job} />;
    default:
      return <FieldsPanel work={work} type={work.type} />;
  }
}

function CommandPanel({ payload }: Extract<JobPayload, { type: "command" }>) {
  const { argv, shell, environment = {} } = payload;
  return (
    <Panel title={shell ? "Shell command" : "Command"}>
      {shell ? (
        <pre className={classes.code}>{argv[0]}</pre>
      ) : (
        <ol className={classes.arguments}>
          {argv.map((argument, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: arguments are told apart by their place
            <li key={index}>
              <code>{argument === "" ? <span className="dim">(empty)</span> : argument}</code>
            </li>
          ))}
        </ol>
      )}
      <Named label="Environment" values={environment} />
      <Place {...payload} />
    </Panel>
  );
}

function ScriptPanel({ payload, job }: Extract<JobPayload, { type: "script" }> & { job: PanelJob }) {
  const { language, content, parameters = {}, secrets = [] } = payload;
  return (
    <Panel
      title={`Script (${LANGUAGE[language].label})`}
      aside={
        job.script && (
          <Link to="/scripts/$scriptId" params={{ scriptId: String(job.script.id) }} className="link">
            Saved, version {job.script.version}
          </Link>
        )
      }
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <pre className={classes.code} tabIndex={0} aria-label="Code of the script" role="group">
        {content}
      </pre>
      <Named label="Parameters" values={parameters} secrets={secrets} />
      <Place {...payload} />
      {job.content_sha256 && (
        <div className={classes.digest}>
          <ContentDigest value={job.content_sha256} />
        </div>
      )}
    </Panel>
  );
}

interface NamedProps {
  label: string;
  values: Record<string, string>;
  /** Of these only the names are known. */
  secrets?: string[];
}

/** What reaches the program as variables. */
function Named({ label, values, secrets = [] }: NamedProps) {
  const entries = Object.entries(values);
  if (entries.length === 0 && secrets.length === 0) {
    return null;
  }
  return (
    <dl className={classes.parameters} aria-label={label}>
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>
            <code>{name}</code>
          </dt>
          <dd>
            <code>{value}</code>
          </dd>
        </div>
      ))}
      {secrets.map((name) => (
        <div key={name}>
          <dt>
            <code>{name}</code>
          </dt>
          <dd className="dim">secret</dd>
        </div>
      ))}
    </dl>
  );
}

interface PlaceProps {
  working_directory?: string | null;
  run_as_user?: string | null;
  requires_elevation?: boolean;
}

function Place({ working_directory, run_as_user, requires_elevation }: PlaceProps) {
  return (
    <>
      {working_directory && (
        <p className={classes.folder}>
          in <code>{working_directory}</code>
        </p>
      )}
      {run_as_user && (
        <p className={classes.folder}>
          as <code>{run_as_user}</code>
        </p>
      )}
      {requires_elevation && <p className={classes.folder}>Only where the agent runs as root</p>}
    </>
  );
}

function FieldsPanel({ work, type }: { work: JobPayload; type: FieldedType }) {
  const values = workFrom(work).values[type];
  const facts = shown(FIELDED[type].fields, values).flatMap((field): [string, string][] => {
    const text =
      field.input === "secrets"
        ? hiddenOf(pairsOf(values, field.name))
            .map(({ key, name }) => `${key} (secret ${name})`)
            .join(", ")
        : said(field, values[field.name]);
    return text === "" ? [] : [[field.label, text]];
  });
  return (
    <Panel title={JOB_TYPE[type].label}>
      <Facts facts={facts.map(([name, text]) => [name, <span key={name}>{text}</span>])} />
    </Panel>
  );
}

/** What a field says; nothing for what was left empty. */
function said(field: Field, value: unknown): string {
  if (field.input === "choice") {
    return field.options.find((option) => option.value === value && value !== "")?.label ?? "";
  }
  if (field.input === "switch") {
    return value === true ? "Yes" : "";
  }
  if (Array.isArray(value)) {
    return value.map((entry: unknown) => (isPair(entry) ? `${entry.key}: ${entry.value}` : entry)).join(", ");
  }
  return typeof value === "string" ? value : "";
}

const isPair = (entry: unknown): entry is { key: string; value: string } =>
  typeof entry === "object" && entry !== null && "key" in entry;
