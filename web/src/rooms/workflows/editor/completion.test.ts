import { describe, expect, it } from "vitest";
import { askedAt, chosen, offered, type TextKind } from "./completion";

/** The bar is where the cursor stands. */
function asked(text: string, kind: TextKind = "placeholders", wanted = false) {
  const at = text.indexOf("|");
  return askedAt(text.replace("|", ""), at, kind, wanted);
}

describe("variables are asked for", () => {
  it("by two braces", () => {
    expect(asked("echo {{|")?.typed).toBe("");
    expect(asked("echo {{inp|")).toMatchObject({ typed: "inp", from: 5, to: 10 });
    expect(asked("echo {{ inp|")?.typed).toBe("inp");
    expect(asked("echo {{inputs.a}} |")).toBeUndefined();
    expect(asked("echo {|")).toBeUndefined();
    expect(asked("{{inputs.a b|")).toBeUndefined();
  });

  it("by a word of a condition, but not inside of quotes", () => {
    expect(asked("step_a|", "condition")).toMatchObject({ typed: "step_a", braces: false });
    expect(asked("1 == |", "condition")).toBeUndefined();
    expect(asked('step_a.stdout == "inp|', "condition")).toBeUndefined();
    expect(asked("x == 'a' && inp|", "condition")?.typed).toBe("inp");
    expect(asked("inputs.a|", "placeholders")).toBeUndefined();
  });

  it("by a key, wherever the cursor is", () => {
    expect(asked("1 == |", "condition", true)).toMatchObject({ typed: "", braces: false });
    expect(asked("echo |", "placeholders", true)).toMatchObject({ typed: "", braces: true });
  });
});

describe("variables are offered", () => {
  const variables = ["inputs.most", "instance.id", "step_look.stdout", "step_look.status"];
  const ask = (typed: string) => ({ from: 0, to: 0, typed, braces: true });

  it("by what they begin with, then by what they hold", () => {
    expect(offered(variables, ask(""))).toEqual(variables);
    expect(offered(variables, ask("st"))).toEqual(
      ["step_look.stdout", "step_look.status", "inputs.most", "instance.id"].filter((path) =>
        path.includes("st"),
      ),
    );
    expect(offered(variables, ask("LOOK"))).toHaveLength(2);
    expect(offered(variables, ask("instance.id"))).toEqual([]);
  });

  it("and take the place of what was typed", () => {
    const replaced = (text: string, kind: TextKind, path: string) => {
      const at = asked(text, kind);
      return at && chosen(text.replace("|", ""), at, path);
    };
    expect(replaced("a {{in|}} b", "placeholders", "inputs.most")?.text).toBe("a {{inputs.most}} b");
    expect(replaced("a {{in| b", "placeholders", "inputs.most")?.text).toBe("a {{inputs.most}} b");
    expect(replaced("inp|uts.x > 1", "condition", "inputs.most")).toEqual({
      text: "inputs.most > 1",
      cursor: 11,
    });
  });
});
