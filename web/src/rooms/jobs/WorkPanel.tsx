import type { JobDetail } from "~/api/types";
import { Panel } from "~/ui/Page";
import classes from "./WorkPanel.module.css";
import { LANGUAGE } from "./words";

/** Exactly what runs: arguments one by one, or the script with its parameters. */
export function WorkPanel({ payload }: Pick<JobDetail, "payload">) {
  if ("argv" in payload) {
    const { argv, shell, working_directory } = payload;
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
        <Folder path={working_directory} />
      </Panel>
    );
  }
  const { language, content, parameters = {}, working_directory } = payload;
  const entries = Object.entries(parameters);
  return (
    <Panel title={`Script (${LANGUAGE[language].label})`}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <pre className={classes.code} tabIndex={0} aria-label="Code of the script" role="group">
        {content}
      </pre>
      {entries.length > 0 && (
        <dl className={classes.parameters}>
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
        </dl>
      )}
      <Folder path={working_directory} />
    </Panel>
  );
}

function Folder({ path }: { path: string | null | undefined }) {
  return path ? (
    <p className={classes.folder}>
      in <code>{path}</code>
    </p>
  ) : null;
}
