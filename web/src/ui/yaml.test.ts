import { describe, expect, it } from "vitest";
import { toYaml } from "./yaml";

describe("YAML", () => {
  it("is written in blocks", () => {
    expect(
      toYaml({
        name: "nightly-uptime",
        definition: {
          cron: "30 2 * * *",
          zone: "Europe/Brussels",
          max_runs: 3,
          targets: { agents: ["web-1", "2"] },
        },
        none: undefined,
        nothing: {},
        list: [],
        entries: [{ kind: "dates", from: "2026-12-24" }, ["a"]],
      }),
    ).toBe(
      [
        "name: nightly-uptime",
        "definition:",
        '  cron: "30 2 * * *"',
        "  zone: Europe/Brussels",
        "  max_runs: 3",
        "  targets:",
        "    agents:",
        "      - web-1",
        '      - "2"',
        "nothing: {}",
        "list: []",
        "entries:",
        "  - kind: dates",
        '    from: "2026-12-24"',
        "  - - a",
        "",
      ].join("\n"),
    );
  });

  it.each([
    "true",
    "No",
    "null",
    "~",
    "12",
    "1e3",
    "- a",
    "a: b",
    "a #b",
    "'x'",
    "",
    " a",
    "a ",
    "a\nb",
    "{a}",
    "*x",
    "&x",
    "!x",
    "%x",
    "@x",
    "`x`",
    "0x1f",
    "2026-12-24",
    "---",
  ])("%j stands in quotes, as JSON", (text) => {
    expect(toYaml({ a: text })).toBe(`a: ${JSON.stringify(text)}\n`);
  });

  it("what cannot be printed is written by its number", () => {
    expect(toYaml({ a: "x\u2028\u007f\ufeff\u0000" })).toBe('a: "x\\u2028\\u007f\\ufeff\\u0000"\n');
  });
});
