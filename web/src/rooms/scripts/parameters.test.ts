import { describe, expect, it } from "vitest";
import type { Parameter, ParameterValue } from "~/api/types";
import { emptyErrors, initialTexts, meansEmpty, missingParameter, toValues } from "./parameters";

const value = (one: string | number | boolean) => one as unknown as ParameterValue;
const text = (part: Partial<Parameter> = {}): Parameter => ({ name: "word", type: "string", ...part });
const greeting = text({ default: value("hello") });

describe("values", () => {
  it.each<[string, Parameter, Record<string, string>, Record<string, unknown>]>([
    ["what was typed is given", text(), { word: "x" }, { word: "x" }],
    ["a text without a default that is empty is not given", text(), { word: "" }, {}],
    ["an emptied text with a default is given as empty", greeting, { word: "" }, { word: "" }],
    ["of which nobody said anything the default is taken", greeting, {}, {}],
    [
      "a number cannot be empty: its default is taken",
      text({ type: "integer", default: value(3) }),
      { word: "" },
      {},
    ],
    ["numbers stay as they were typed", text({ type: "number" }), { word: "1e400" }, { word: "1e400" }],
    ["yes and no are no texts", text({ type: "boolean" }), { word: "false" }, { word: false }],
    ["a secret that is empty is not given", text({ type: "secret" }), { word: "" }, {}],
  ])("%s", (_, parameter, texts, expected) => {
    expect(toValues([parameter], texts)).toEqual(expected);
  });

  it("the form starts with the defaults, and says the same when nothing is touched", () => {
    const parameters = [greeting, text({ name: "count", type: "integer", default: value(3) })];
    const texts = initialTexts(parameters);
    expect(texts).toEqual({ word: "hello", count: "3" });
    expect(toValues(parameters, texts)).toEqual(texts);
  });
});

describe("what is missing", () => {
  it.each<[string, Parameter, Record<string, string>, string | undefined]>([
    ["a required one", text({ required: true }), {}, "Give “word”"],
    ["a required one with a default is not", { ...greeting, required: true }, {}, undefined],
    ["unless it was emptied", { ...greeting, required: true }, { word: "" }, "Give “word”"],
    ["one that may be empty is not", greeting, { word: "" }, undefined],
    [
      "a required number with a default is not",
      text({ type: "integer", required: true, default: value(3) }),
      { word: "" },
      undefined,
    ],
  ])("%s", (_, parameter, texts, expected) => {
    expect(missingParameter([parameter], texts)).toBe(expected);
  });
});

it("only an emptied text with a default says that it is empty", () => {
  expect(meansEmpty(greeting, "")).toBe(true);
  expect(meansEmpty(greeting, undefined)).toBe(false);
  expect(meansEmpty(text(), "")).toBe(false);
});

it("what is missing is said at each input", () => {
  const parameters: Parameter[] = [
    { name: "token", type: "secret", required: true },
    { name: "what", type: "string", required: true },
    { name: "note", type: "string" },
  ];
  expect(emptyErrors(parameters, {})).toEqual({
    "parameters.token": "Give a value",
    "parameters.what": "Give a value",
  });
  expect(emptyErrors(parameters, { token: "t", what: "moon" })).toEqual({});
});
