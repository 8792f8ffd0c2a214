import { Button, NativeSelect, Textarea, TextInput } from "@mantine/core";
import type { Parameter } from "~/api/types";
import { meansEmpty, type ParameterTexts, standardText } from "./parameters";
import classes from "./ScriptPage.module.css";

interface ParameterInputsProps {
  parameters: Parameter[];
  texts: ParameterTexts;
  onChange: (texts: ParameterTexts) => void;
  errors: Record<string, string | undefined>;
  /** Said where there are none. */
  empty?: string;
}

/** One input for each parameter of the definition. */
export function ParameterInputs(props: ParameterInputsProps) {
  const { parameters, texts, onChange, errors, empty = "This script takes no parameters." } = props;
  if (parameters.length === 0) {
    return <span className="dim">{empty}</span>;
  }
  return (
    <div className={classes.fields}>
      {parameters.map((parameter) => (
        <ParameterInput
          key={parameter.name}
          parameter={parameter}
          text={texts[parameter.name]}
          set={(text) => onChange({ ...texts, [parameter.name]: text })}
          error={errors[`parameters.${parameter.name}`]}
        />
      ))}
    </div>
  );
}

interface ParameterInputProps {
  parameter: Parameter;
  /** Absent: nobody has said anything. */
  text: string | undefined;
  set: (text: string) => void;
  error: string | undefined;
}

function ParameterInput({ parameter, text: said, set, error }: ParameterInputProps) {
  const { name, type, description, required, choices = [] } = parameter;
  const text = said ?? "";
  const shared = { label: name, description, required, error, inputWrapperOrder: INPUT_FIRST };
  switch (type) {
    case "secret":
      return (
        <TextInput
          {...shared}
          type="password"
          description={[description, "Never shown again."].filter(Boolean).join(" ")}
          autoComplete="new-password"
          value={text}
          onChange={(event) => set(event.currentTarget.value)}
        />
      );
    case "boolean":
    case "choice": {
      const values = type === "boolean" ? ["true", "false"] : choices;
      return (
        <NativeSelect
          {...shared}
          value={text}
          data={[
            { value: "", label: required ? "Choose…" : "Not given" },
            ...values.map((value) => ({
              value,
              label: type === "boolean" ? (YES_NO[value] ?? value) : value,
            })),
          ]}
          onChange={(event) => set(event.currentTarget.value)}
        />
      );
    }
    case "integer":
    case "number":
      return (
        <TextInput
          {...shared}
          description={[description, bounds(parameter)].filter(Boolean).join(" ") || undefined}
          inputMode={type === "integer" ? "numeric" : "decimal"}
          placeholder={standardText(parameter)}
          value={text}
          onChange={(event) => set(event.currentTarget.value)}
        />
      );
    case "string":
      return (
        <Textarea
          {...shared}
          description={
            meansEmpty(parameter, said) ? (
              <Emptied parameter={parameter} onStandard={() => set(standardText(parameter) ?? "")} />
            ) : (
              description
            )
          }
          placeholder={said === undefined ? standardText(parameter) : undefined}
          autosize
          minRows={1}
          maxRows={6}
          spellCheck={false}
          value={text}
          onChange={(event) => set(event.currentTarget.value)}
        />
      );
  }
}

/** Nothing in the input is something, too: it is said, with the way back. */
function Emptied({ parameter, onStandard }: { parameter: Parameter; onStandard: () => void }) {
  return (
    <>
      {parameter.description} {parameter.required ? "It must not be empty." : "An empty text is given."}{" "}
      <Button variant="subtle" size="compact-xs" onClick={onStandard}>
        Take the default
      </Button>
    </>
  );
}

/** Inputs beside each other stand in line whether there is something to explain or not. */
const INPUT_FIRST: ("label" | "input" | "description" | "error")[] = [
  "label",
  "input",
  "description",
  "error",
];

const YES_NO: Record<string, string> = { true: "Yes", false: "No" };

function bounds({ minimum, maximum, type }: Parameter): string {
  const kind = type === "integer" ? "A whole number" : "A number";
  const least = minimum ?? undefined;
  const most = maximum ?? undefined;
  if (least !== undefined && most !== undefined) {
    return `${kind} from ${least} to ${most}.`;
  }
  return least !== undefined
    ? `${kind}, at least ${least}.`
    : most !== undefined
      ? `${kind}, at most ${most}.`
      : `${kind}.`;
}
