import { Switch } from "@mantine/core";
import type { Parameter } from "~/api/types";
import { KeptParameterInputs } from "../KeptParameterInputs";
import { PARAMETER_TYPE } from "../ParametersEditor";
import { standardText } from "../parameters";
import classes from "./actions.module.css";
import type { FixedScriptDraft } from "./draft";

interface FixedParametersProps {
  parameters: Parameter[];
  draft: FixedScriptDraft;
  onChange: (part: Partial<FixedScriptDraft>) => void;
  /** Names of the secrets that the server has. */
  kept: string[];
  errors: Record<string, string | undefined>;
}

/** Which parameters of a script are fixed, and to what; the others are asked for at each run. */
export function FixedParameters({ parameters, draft, onChange, kept, errors }: FixedParametersProps) {
  if (parameters.length === 0) {
    return <span className="dim">This script takes no parameters.</span>;
  }
  const fix = ({ name, type }: Parameter, on: boolean) =>
    onChange({
      fixed: on ? [...draft.fixed, name] : draft.fixed.filter((other) => other !== name),
      texts: on && type !== "secret" ? { [name]: "", ...draft.texts } : draft.texts,
    });
  return (
    <div className={classes.rows}>
      {parameters.map((parameter) => {
        const fixed = draft.fixed.includes(parameter.name);
        return (
          <fieldset key={parameter.name} className={classes.row} aria-label={`Parameter ${parameter.name}`}>
            <Switch
              size="xs"
              className={classes.fix}
              label={fixed ? "Fixed" : "Asked for"}
              aria-label={`Fix ${parameter.name}`}
              checked={fixed}
              onChange={(event) => fix(parameter, event.currentTarget.checked)}
            />
            {fixed ? (
              <KeptParameterInputs
                parameters={[parameter]}
                kept={kept}
                texts={draft.texts}
                onChange={(texts) => onChange({ texts })}
                errors={errors}
              />
            ) : (
              <Asked parameter={parameter} />
            )}
          </fieldset>
        );
      })}
    </div>
  );
}

function Asked({ parameter }: { parameter: Parameter }) {
  const { name, type, required, description } = parameter;
  const standard = type === "secret" ? undefined : standardText(parameter);
  const said = [
    PARAMETER_TYPE[type],
    required ? "required" : "",
    standard === undefined ? "" : `default ${standard}`,
  ];
  return (
    <div>
      <div className={classes.name}>{name}</div>
      <div className="dim">{said.filter(Boolean).join(", ")}</div>
      {description && <div className="dim">{description}</div>}
    </div>
  );
}
