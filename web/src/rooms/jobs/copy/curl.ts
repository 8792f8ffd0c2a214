/** The same request with curl. Secrets are read from variables of the shell and stand nowhere in the text. */
import { shellWord } from "~/ui/shell";

/** What stands for a secret until the shell puts its value there. */
interface Place {
  variable: string;
  path: string[];
}

interface CurlRequest {
  /** `https://postern.example.org` */
  origin: string;
  path: string;
  method?: "POST" | "PATCH";
  /** Absent where nothing is sent. */
  body?: unknown;
  /** Where in the body a secret's value is: `["secrets", "token"]`. */
  secrets: string[][];
}

const TOKEN = "POSTERN_TOKEN";
/** Between the lines of one command. */
const CONTINUED = " \\\n";

/** Needs `jq` only where there are secrets: it is what puts a value into JSON whatever characters it has. */
export function curlCommand({ origin, path, method = "POST", body, secrets }: CurlRequest): string {
  const places = variables(secrets);
  const url = shellWord(`${origin}${path}`);
  const head = [
    `# Set ${[TOKEN, ...places.map((place) => place.variable)].join(", ")} first; the token is made under API tokens.`,
    ...(places.length > 0 ? [`# ${JQ}`] : []),
  ];
  const ask = [`curl --fail-with-body -X ${method} ${url}`, `  -H "Authorization: Bearer $${TOKEN}"`];
  const send = (data: string) =>
    [...ask, "  -H 'Content-Type: application/json'", `  --data-binary ${data}`].join(CONTINUED);
  if (body === undefined) {
    return [...head, ask.join(CONTINUED)].join("\n");
  }
  const json = JSON.stringify(without(body, places));
  if (places.length === 0) {
    return [...head, send(shellWord(json))].join("\n");
  }
  return [...head, ...filled(json, places, send("@-"))].join("\n");
}

/** The lines that hand a body with its secrets to a command's standard input. */
export function withSecrets(body: unknown, secrets: string[][], command: string): string {
  const places = variables(secrets);
  return [
    `# Set ${places.map((place) => place.variable).join(", ")} first. ${JQ}`,
    ...filled(JSON.stringify(without(body, places)), places, command),
  ].join("\n");
}

const JQ = "jq puts the secrets into the request, so that they stand in no history.";

function filled(json: string, places: Place[], command: string): string[] {
  const program = places
    .map(({ variable, path: at }) => `setpath(${JSON.stringify(at)}; env.${variable})`)
    .join(" | ");
  return [
    `export ${places.map((place) => place.variable).join(" ")}`,
    `printf '%s' ${shellWord(json)} | jq -c ${shellWord(program)} | ${command}`,
  ];
}

/** Names that a shell takes, one per secret. */
function variables(secrets: string[][]): Place[] {
  const taken = new Set([TOKEN]);
  return secrets.map((path) => {
    const name = (path.at(-1) ?? "").toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_");
    let variable = `SECRET_${name}`;
    for (let count = 2; taken.has(variable); count += 1) {
      variable = `SECRET_${name}_${count}`;
    }
    taken.add(variable);
    return { variable, path };
  });
}

/** A copy of the body with nothing at these places. */
function without(body: unknown, places: Place[]): unknown {
  const copy: unknown = structuredClone(body);
  for (const { path } of places) {
    let at: unknown = copy;
    for (const key of path.slice(0, -1)) {
      at = isRecord(at) ? at[key] : undefined;
    }
    const last = path.at(-1);
    if (isRecord(at) && last !== undefined) {
      at[last] = "";
    }
  }
  return copy;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
