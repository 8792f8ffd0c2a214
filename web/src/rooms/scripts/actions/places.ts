/** Places in a job's payload that an open parameter can fill, in words, so that nobody has to write JSON Pointers. */
import type { ParameterType } from "~/api/types";
import type { WorkDraft } from "~/rooms/jobs/work/draft";
import { type Field, listOf, pairsOf, shown, textOf, type Values } from "~/rooms/jobs/work/fields";
import { FIELDED } from "~/rooms/jobs/work/types";
import { fromPairs } from "~/ui/KeyValueEditor";

export interface Place {
  /** RFC 6901, into the payload. */
  pointer: string;
  label: string;
  /** What stands there now, and is taken when nothing is given. */
  now: string;
  takes: "text" | "number" | "boolean";
}

const escaped = (key: string) => key.replaceAll("~", "~0").replaceAll("/", "~1");

/** Never code, and nothing that decides what reads it: the server refuses those as well. */
export function placesOf(draft: WorkDraft): Place[] {
  const { type, command, script } = draft;
  switch (type) {
    case "command": {
      const argv = command.shell ? [] : command.arguments;
      return [
        ...argv.map(({ text: now }, index) =>
          text(`/argv/${index}`, index === 0 ? "Program" : `Argument ${index}`, now),
        ),
        ...Object.entries(fromPairs(command.environment)).map(([key, now]) =>
          text(`/environment/${escaped(key)}`, `Variable ${key}`, now),
        ),
        ...surroundings(draft),
      ];
    }
    case "script":
      return [
        ...Object.entries(fromPairs(script.parameters)).map(([key, now]) =>
          text(`/parameters/${escaped(key)}`, `Parameter ${key}`, now),
        ),
        ...surroundings(draft),
      ];
    default: {
      const values = draft.values[type];
      return shown(FIELDED[type].fields, values).flatMap((field) => placesIn(field, values));
    }
  }
}

const text = (pointer: string, label: string, now: string): Place => ({ pointer, label, now, takes: "text" });

function surroundings({ place }: WorkDraft): Place[] {
  return [
    text("/working_directory", "Folder to start in", place.folder),
    text("/run_as_user", "Run as user", place.runAsUser),
    {
      pointer: "/requires_elevation",
      label: "Requires elevation",
      now: place.requiresElevation ? "yes" : "no",
      takes: "boolean",
    },
  ];
}

/** Which tool it is decides which other fields there are. */
const SHAPING = ["tool"];

function placesIn(field: Field, values: Values): Place[] {
  const { name, label, input } = field;
  if (SHAPING.includes(name)) {
    return [];
  }
  switch (input) {
    case "text":
    case "area":
    case "choice":
      return [text(`/${name}`, label, textOf(values, name))];
    case "number":
      return [{ pointer: `/${name}`, label, now: textOf(values, name), takes: "number" }];
    case "switch":
      return [{ pointer: `/${name}`, label, now: values[name] === true ? "yes" : "no", takes: "boolean" }];
    case "list":
      return listOf(values, name).flatMap((entry, index) =>
        placesOfEntry(
          `/${name}/${index}`,
          `${label} ${index + 1}`,
          field.item ? field.item.to(entry) : entry,
        ),
      );
    case "pairs":
      return Object.entries(fromPairs(pairsOf(values, name))).map(([key, now]) =>
        text(`/${name}/${escaped(key)}`, `${label}: ${key}`, now),
      );
    case "secret":
    case "secrets":
      return [];
  }
}

function placesOfEntry(pointer: string, label: string, entry: unknown): Place[] {
  if (typeof entry === "object" && entry !== null) {
    return Object.entries(entry).map(([key, now]) =>
      text(`${pointer}/${escaped(key)}`, `${label}, ${key}`, String(now)),
    );
  }
  return typeof entry === "number"
    ? [{ pointer, label, now: String(entry), takes: "number" }]
    : [text(pointer, label, String(entry))];
}

/** Whether a value of this type can stand there. Where a text stands, anything is written as text. */
export function fits(type: ParameterType, { takes, now }: Place): boolean {
  switch (type) {
    case "secret":
      return false;
    case "string":
    case "choice":
      return takes === "text";
    case "integer":
    case "number":
      return takes === "number" || (takes === "text" && now !== "");
    case "boolean":
      return takes === "boolean" || (takes === "text" && now !== "");
  }
}

/** A place that is not among these is shown as it is written. */
export function placeWords(pointer: string, places: Place[]): string {
  return places.find((place) => place.pointer === pointer)?.label ?? pointer;
}
