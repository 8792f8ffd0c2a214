import type { ActionDefinition, Parameter } from "~/api/types";
import { howFacts } from "~/rooms/jobs/howFacts";
import { WorkPanel } from "~/rooms/jobs/WorkPanel";
import { workFrom } from "~/rooms/jobs/work/draft";
import { Facts, Panel } from "~/ui/Page";
import { SimpleTable } from "~/ui/SimpleTable";
import { PARAMETER_TYPE } from "../ParametersEditor";
import { standardText } from "../parameters";
import { ParameterFacts, SavedScriptPanel } from "../saved/SavedScriptPanel";
import classes from "./actions.module.css";
import { placesOf, placeWords } from "./places";
import { useUserNames } from "./useUserNames";
import { runnerWords } from "./words";

interface DefinitionViewProps {
  definition: ActionDefinition;
  asks: Parameter[];
  /** Names of those that are kept. */
  secrets: string[];
}

/** What an action does, and what it asks for. */
export function WorkView({ definition, asks, secrets }: DefinitionViewProps) {
  const { work } = definition;
  return (
    <>
      <AsksPanel definition={definition} asks={asks} />
      {work.kind === "script" ? (
        <SavedScriptPanel work={work} secrets={secrets} newest="The newest at each run" />
      ) : (
        <>
          <WorkPanel job={{ type: work.job.type, payload: work.job.payload }} />
          {secrets.length > 0 && (
            <Panel title="Kept secrets">
              <ParameterFacts values={{}} secrets={secrets} />
            </Panel>
          )}
        </>
      )}
    </>
  );
}

function AsksPanel({ definition: { work, fills = {} }, asks }: Omit<DefinitionViewProps, "secrets">) {
  const places = work.kind === "job" ? placesOf(workFrom(work.job)) : undefined;
  const place = ({ name, type }: Parameter) =>
    type === "secret" ? `The secret ${name}` : placeWords(fills[name] ?? "", places ?? []);
  return (
    <Panel title="Asks for" flush={asks.length > 0}>
      {asks.length === 0 ? (
        <span className="dim">Nothing: everything is fixed.</span>
      ) : (
        <SimpleTable
          label="Asks for"
          flush
          rows={asks}
          rowKey={({ name }) => name}
          columns={[
            { label: "Parameter", cell: ({ name }) => <code>{name}</code> },
            { label: "Type", cell: (parameter) => <TypeText parameter={parameter} /> },
            ...(places
              ? [
                  {
                    label: "Fills",
                    cell: (parameter: Parameter) => <span className={classes.whole}>{place(parameter)}</span>,
                  },
                ]
              : []),
            { label: "Required", cell: ({ required }) => (required ? "Yes" : "No") },
            {
              label: "Default",
              cell: (parameter) =>
                (parameter.type !== "secret" && standardText(parameter)) || <span className="dim">–</span>,
            },
            {
              label: "Description",
              cell: ({ description }) => description || <span className="dim">–</span>,
            },
          ]}
        />
      )}
    </Panel>
  );
}

function TypeText({ parameter: { type, choices = [], minimum, maximum } }: { parameter: Parameter }) {
  const least = minimum ?? undefined;
  const most = maximum ?? undefined;
  const limits = [
    choices.join(", "),
    least === undefined ? "" : `at least ${least}`,
    most === undefined ? "" : `at most ${most}`,
  ].filter(Boolean);
  return (
    <>
      <span className={classes.whole}>{PARAMETER_TYPE[type]}</span>
      {limits.length > 0 && <div className="dim">{limits.join(", ")}</div>}
    </>
  );
}

/** On which hosts, how, and who may run it. */
export function WhereView({ definition }: { definition: ActionDefinition }) {
  const users = useUserNames();
  const runners = definition.runners ?? [];
  return (
    <>
      <Panel title="Hosts">
        <Facts facts={howFacts(definition)} />
      </Panel>
      <Panel title="Who may run it">
        {runners.length === 0 ? (
          <span className="dim">Everybody who may run jobs on its hosts.</span>
        ) : (
          <ul className={classes.list} aria-label="Who may run it">
            {runners.map((runner) => (
              <li key={runner}>{runnerWords(runner, users)}</li>
            ))}
          </ul>
        )}
      </Panel>
    </>
  );
}
