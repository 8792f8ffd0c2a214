/** Values for a script's parameters: what the form starts with, what is sent, what can be seen to be wrong. */
import type { Parameter, ParameterValue } from "~/api/types";

/** As they stand in the inputs. */
export type ParameterTexts = Record<string, string>;

export function initialTexts(parameters: Parameter[]): ParameterTexts {
  return Object.fromEntries(parameters.map((parameter) => [parameter.name, initial(parameter)]));
}

function initial(parameter: Parameter): string {
  const standard: unknown = parameter.default;
  if (standard === undefined || standard === null || parameter.type === "secret") {
    return "";
  }
  return String(standard);
}

/** Any value of a parameter: the API's description cannot say that it is a text, a number or a boolean. */
const asValue = (value: string | number | boolean) => value as unknown as ParameterValue;

/** Empty inputs are left out; the server takes the default. Numbers stay texts, so that nothing is rounded here. */
export function toValues(parameters: Parameter[], texts: ParameterTexts): Record<string, ParameterValue> {
  const values: Record<string, ParameterValue> = {};
  for (const { name, type } of parameters) {
    const text = texts[name] ?? "";
    if (text !== "") {
      values[name] = asValue(type === "boolean" ? text === "true" : text);
    }
  }
  return values;
}

/** What is missing. Whether a value fits is the server's to say, which answers before any job exists. */
export function missingParameter(parameters: Parameter[], texts: ParameterTexts): string | undefined {
  const empty = parameters.find(
    ({ name, required, default: standard }) =>
      required && (texts[name] ?? "") === "" && (standard === undefined || standard === null),
  );
  return empty && `Give “${empty.name}”`;
}

export const secretNames = (parameters: Parameter[], texts: ParameterTexts): string[] =>
  parameters
    .filter(({ name, type }) => type === "secret" && (texts[name] ?? "") !== "")
    .map(({ name }) => name);
