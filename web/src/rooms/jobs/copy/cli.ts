/** The command line that asks for the same jobs. It never holds a secret's value, only its name. */
import type { JobCreate, NetworkDiagnostic } from "~/api/types";
import { option, shellWord } from "~/ui/shell";
import { type Flag, runFlags, secretFlags } from "./options";

/** Texts behind the flags are handed over as they are. */
interface Line {
  verb: string[];
  words?: string[];
  flags?: Flag[];
  /** Behind `--`. */
  rest?: string[];
}

export function write(line: Line): string {
  const words = (line.words ?? []).map(shellWord);
  const flags = (line.flags ?? []).map(([name, text]) => {
    if (text === undefined) {
      return name;
    }
    return name.startsWith("--") ? option(name, text) : `${name} ${shellWord(text)}`;
  });
  // A word that starts with a dash would be taken for a flag.
  const positional = words.some((word) => word.startsWith("-")) ? ["--", ...words] : words;
  const plain = positional === words;
  return [
    "postern",
    ...line.verb,
    ...(plain ? words : []),
    ...flags,
    ...(plain ? [] : positional),
    ...(line.rest ? ["--", ...line.rest.map(shellWord)] : []),
  ].join(" ");
}

const flag = (name: string, on: boolean | undefined): Flag[] => (on ? [[name]] : []);
const value = (name: string, text: string | number | null | undefined): Flag[] =>
  text === null || text === undefined || text === "" ? [] : [[name, String(text)]];
const dashed = (word: string) => word.replaceAll("_", "-");

export function jobCommand(request: JobCreate): string {
  const shared = [...runFlags(request), ...secretFlags(Object.keys(request.secrets ?? {}))];
  return write(lineOf(request, shared));
}

function lineOf(request: JobCreate, shared: Flag[]): Line {
  switch (request.type) {
    case "command": {
      const { argv, shell, environment, working_directory, run_as_user, requires_elevation } =
        request.payload;
      return {
        verb: ["job", "run"],
        flags: [
          ...shared,
          ...flag("--shell", shell),
          ...Object.entries(environment ?? {}).map(([name, text]): Flag => ["--env", `${name}=${text}`]),
          ...value("--working-directory", working_directory),
          ...value("--run-as-user", run_as_user),
          ...flag("--requires-elevation", requires_elevation),
        ],
        rest: argv,
      };
    }
    case "script": {
      const {
        language,
        parameters = {},
        working_directory,
        run_as_user,
        requires_elevation,
      } = request.payload;
      return {
        verb: ["job", "run"],
        flags: [
          ...shared,
          ["--script", "-"],
          ["--language", language],
          ...Object.entries(parameters).map(([key, text]): Flag => ["--param", `${key}=${text}`]),
          ...value("--working-directory", working_directory),
          ...value("--run-as-user", run_as_user),
          ...flag("--requires-elevation", requires_elevation),
        ],
      };
    }
    case "service_control":
      return {
        verb: ["job", "service", request.payload.action],
        words: [request.payload.service],
        flags: shared,
      };
    case "process_control": {
      const { action, pid, name, user } = request.payload;
      return {
        verb: ["job", "process", dashed(action)],
        flags: [...value("--pid", pid), ...value("--name", name), ...value("--user", user), ...shared],
      };
    }
    case "network_diagnostic":
      return networkLine(request.payload, shared);
    case "software_install": {
      const { action, packages = [], manager, refresh } = request.payload;
      return {
        verb: ["job", "software", action],
        words: packages.map(({ name, version }) => (version ? `${name}=${version}` : name)),
        flags: [...value("--manager", manager), ...flag("--refresh", refresh), ...shared],
      };
    }
    case "user_control": {
      const {
        action,
        user,
        full_name,
        home,
        shell,
        groups = [],
        system,
        set_password,
        remove_home,
        force,
      } = request.payload;
      return {
        verb: ["job", "user", dashed(action)],
        words: [user],
        flags: [
          ...value("--full-name", full_name),
          ...value("--home", home),
          ...value("--shell", shell),
          ...groups.map((group): Flag => ["--member-of", group]),
          ...flag("--system", system),
          ...flag("--set-password", set_password),
          ...flag("--remove-home", remove_home),
          ...flag("--force", force),
          ...shared,
        ],
      };
    }
    case "group_control": {
      const { action, group, members = [], system, force } = request.payload;
      const verbs = { create: "create", delete: "delete", add_members: "add", remove_members: "remove" };
      return {
        verb: ["job", "group", verbs[action]],
        words: [group, ...members],
        flags: [...flag("--system", system), ...flag("--force", force), ...shared],
      };
    }
    case "http_request": {
      const body = request.payload;
      return {
        verb: ["job", "http", body.method],
        words: [body.url],
        flags: [
          ...Object.entries(body.headers ?? {}).map(([key, text]): Flag => ["-H", `${key}:${text}`]),
          ...Object.entries(body.secret_headers ?? {}).map(
            ([key, name]): Flag => ["--secret-header", `${key}=${name}`],
          ),
          // A text that starts with this sign would be taken for the name of a file.
          ...value("--body", body.body?.startsWith("@") ? "@-" : body.body),
          ...value("--extra-ca", body.extra_ca ? "/dev/fd/3" : undefined),
          ...(body.expected_status ?? []).map((status): Flag => ["--expect", String(status)]),
          ...value("--max-redirects", body.max_redirects),
          ...value("--max-answer-bytes", body.max_answer_bytes),
          ...flag("--allow-invalid-certificate", body.allow_invalid_certificate),
          ...shared,
        ],
      };
    }
  }
}

function networkLine(work: NetworkDiagnostic, shared: Flag[]): Line {
  const wait =
    work.tool === "netstat" ? [] : value("--within", work.wait_seconds ? `${work.wait_seconds}s` : undefined);
  switch (work.tool) {
    case "ping":
      return {
        verb: ["job", "network", "ping"],
        words: [work.host],
        flags: [...value("--count", work.count), ...wait, ...shared],
      };
    case "traceroute":
      return {
        verb: ["job", "network", "traceroute"],
        words: [work.host],
        flags: [...value("--max-hops", work.max_hops), ...wait, ...shared],
      };
    case "dns_lookup":
      return {
        verb: ["job", "network", "dns"],
        words: [work.name],
        flags: [
          ...value("--type", work.record_type),
          ...value("--server", work.server),
          ...flag("--tcp", work.tcp),
          ...wait,
          ...shared,
        ],
      };
    case "netstat":
      return {
        verb: ["job", "network", "netstat"],
        flags: [
          ...flag("--tcp", work.protocol === "tcp"),
          ...flag("--udp", work.protocol === "udp"),
          ...flag("--listening", work.listening_only),
          ...shared,
        ],
      };
    case "port_check":
      return {
        verb: ["job", "network", "port"],
        words: [work.host, ...work.ports.map(String)],
        flags: [...flag("--udp", work.protocol === "udp"), ...flag("--tls", work.tls), ...wait, ...shared],
      };
    case "http_check":
      return {
        verb: ["job", "network", "http"],
        words: [work.url],
        flags: [
          ...value("--expect", work.expected_status),
          ...flag("--allow-invalid-certificate", work.allow_invalid_certificate),
          ...wait,
          ...shared,
        ],
      };
  }
}

/** The line with what it reads: code and certificates stand below it, up to a line that they do not have. */
export function jobCommandText(request: JobCreate): string {
  const line = jobCommand(request);
  if (request.type === "script") {
    return `${line} ${hereDocument("<<", "SCRIPT", request.payload.content)}`;
  }
  if (request.type !== "http_request") {
    return line;
  }
  const { body, extra_ca: authority } = request.payload;
  const sent = body?.startsWith("@") ? `printf '%s' ${shellWord(body)} | ${line}` : line;
  return authority ? `${sent} ${hereDocument("3<<", "PEM", authority)}` : sent;
}

/** Text for a command to read, up to a line that it does not have. */
export function hereDocument(redirect: string, word: string, text: string): string {
  const lines = text.split("\n");
  let end = word;
  while (lines.includes(end)) {
    end += "_";
  }
  return `${redirect}'${end}'\n${text}${text.endsWith("\n") ? "" : "\n"}${end}`;
}
