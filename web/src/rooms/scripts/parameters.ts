/** Values for a script's parameters: what the form starts with, what is sent, what can be seen to be wrong. */
import type { Parameter, ParameterValue } from "~/api/types";

/** As they stand in the inputs. */
export type ParameterTexts = Record<string, string>;

export function initialTexts(parameters: Parameter[]): ParameterTexts {
  return Object.fromEntries(parameters.map((parameter) => [parameter.name, initial(parameter)]));
}

const initial = (parameter: Parameter): string =>
  parameter.type === "secret" ? "" : (standardText(parameter) ?? "");

/** The default as it stands in an input. */
export function standardText(parameter: Parameter): string | undefined {
  const standard: unknown = parameter.default;
  return standard === undefined || standard === null ? undefined : String(standard);
}

/** An emptied input says “an empty text” where leaving it out would bring the default back, and only a text can be empty. */
export const meansEmpty = (parameter: Parameter, text: string | undefined): boolean =>
  text === "" && parameter.type === "string" && standardText(parameter) !== undefined;

/** Any value of a parameter: the API's description cannot say that it is a text, a number or a boolean. */
const asValue = (value: string | number | boolean) => value as unknown as ParameterValue;

/**
 * Empty inputs are left out, and the server takes the default; a text that has one can be given empty all the same.
 * Numbers stay texts, so that nothing is rounded here.
 */
export function toValues(parameters: Parameter[], texts: ParameterTexts): Record<string, ParameterValue> {
  const values: Record<string, ParameterValue> = {};
  for (const parameter of parameters) {
    const { name, type } = parameter;
    const text = texts[name];
    if (text || meansEmpty(parameter, text)) {
      values[name] = asValue(type === "boolean" ? text === "true" : (text ?? ""));
    }
  }
  return values;
}

/** What is missing. Whether a value fits is the server's to say, which answers before any job exists. */
export function missingParameter(parameters: Parameter[], texts: ParameterTexts): string | undefined {
  const [empty] = emptyParameters(parameters, texts);
  return empty && `Give “${empty.name}”`;
}

function emptyParameters(parameters: Parameter[], texts: ParameterTexts): Parameter[] {
  return parameters.filter((parameter) => {
    const text = texts[parameter.name];
    const left = !text && standardText(parameter) === undefined;
    return parameter.required && (left || meansEmpty(parameter, text));
  });
}

/** What is missing, each at its input. */
export const emptyErrors = (parameters: Parameter[], texts: ParameterTexts): Record<string, string> =>
  Object.fromEntries(
    emptyParameters(parameters, texts).map(({ name }) => [`parameters.${name}`, "Give a value"]),
  );

export const secretNames = (parameters: Parameter[], texts: ParameterTexts): string[] =>
  parameters
    .filter(({ name, type }) => type === "secret" && (texts[name] ?? "") !== "")
    .map(({ name }) => name);
