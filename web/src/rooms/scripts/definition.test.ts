import { describe, expect, it } from "vitest";
import type { Parameter, ScriptDefinition } from "~/api/types";
import { scriptCommand } from "./command";
import { definitionOf, draftOf, newParameter, sameDefinition, settingsText } from "./definition";
import { initialTexts, missingParameter, secretNames, toValues } from "./parameters";

/** Defaults of any type: the API's description knows only objects. */
const standard = (value: unknown) => value as Parameter["default"];

const DEFINITION: ScriptDefinition = {
  content: "echo\n",
  parameters: [
    { name: "title", type: "string", description: "Of the page", required: true, default: standard("x") },
    { name: "count", type: "integer", default: standard(5), minimum: 1, maximum: 9 },
    { name: "fast", type: "boolean", default: standard(false) },
    { name: "colour", type: "choice", choices: ["red", "blue green"], default: standard("red") },
    { name: "token", type: "secret", required: true },
  ],
  libraries: [{ library: "logging" }, { library: "net", version: 2 }],
  timeout_seconds: 60,
  run_as_user: "www",
  requires_elevation: true,
  concurrency: { key: "k", per: "group" },
};

describe("a definition", () => {
  it("comes out of the editor as it went in", () => {
    expect(definitionOf(draftOf(DEFINITION))).toEqual(DEFINITION);
    expect(definitionOf(draftOf({ content: "x" }))).toEqual({ content: "x" });
  });

  it("an empty text stays a default until something else is typed", () => {
    const parameters: Parameter[] = [{ name: "a", type: "string", default: standard("") }];
    const draft = draftOf({ content: "", parameters });
    expect(definitionOf(draft).parameters).toEqual(parameters);
    const typed = draft.parameters.map((one) => ({ ...one, emptyDefault: false }));
    expect(definitionOf({ ...draft, parameters: typed }).parameters).toEqual([{ name: "a", type: "string" }]);
  });

  it("is told from another by what it says, not by its rows", () => {
    expect(sameDefinition(draftOf(DEFINITION), draftOf(DEFINITION))).toBe(true);
    const draft = draftOf(DEFINITION);
    expect(sameDefinition(draft, { ...draft, parameters: draft.parameters.toReversed() })).toBe(false);
  });

  it("a default that is no number is sent as it was typed, for the server to refuse", () => {
    const draft = {
      ...draftOf({}),
      parameters: [{ ...newParameter(), name: "n", type: "integer" as const, default: "many" }],
    };
    expect(definitionOf(draft).parameters?.[0]?.default).toBe("many");
  });

  it("its settings are compared without the code", () => {
    expect(settingsText(DEFINITION)).not.toContain("echo");
  });
});

describe("parameters of a run", () => {
  const parameters = DEFINITION.parameters ?? [];

  it("start with their defaults; a secret has none", () => {
    expect(initialTexts(parameters)).toEqual({
      title: "x",
      count: "5",
      fast: "false",
      colour: "red",
      token: "",
    });
  });

  it("are sent as typed; what is empty is left out", () => {
    expect(
      toValues(parameters, { title: "$(id)", count: "7", fast: "true", colour: "", token: "s" }),
    ).toEqual({
      title: "$(id)",
      count: "7",
      fast: true,
      token: "s",
    });
  });

  it("a required one without default is missing", () => {
    expect(missingParameter(parameters, initialTexts(parameters))).toBe("Give “token”");
    expect(missingParameter(parameters, { token: "s" })).toBeUndefined();
  });

  it("the command names secrets and never holds them", () => {
    const texts = { ...initialTexts(parameters), title: "it's", token: "hunter2" };
    expect(secretNames(parameters, texts)).toEqual(["token"]);
    const line = scriptCommand("check", parameters, {
      version: 3,
      parameters: toValues(parameters, texts),
      targets: { all: true },
    });
    expect(line).toBe(
      "postern script run check --version=3 '--param=title=it'\\''s' --param=count=5 --param=fast=false --param=colour=red --all --secret=token",
    );
  });
});
