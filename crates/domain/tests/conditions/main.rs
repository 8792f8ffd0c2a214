//! Conditions against an evaluator by another hand, in Python: random expressions, written out as people would.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
};

use postern_domain::expression::{Condition, Path, Segment, Variables};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

const CASES: usize = 100_000;

/// An expression as a tree: what the oracle reads. It shares no type with what it is held against.
type Tree = Value;

struct Known(Value);

impl Variables for Known {
    fn value(&self, path: &Path) -> Option<Cow<'_, Value>> {
        let mut value = self.0.get(path.root())?;
        for segment in path.rest() {
            value = match segment {
                Segment::Name(name) => value.get(name)?,
                Segment::Index(index) => value.get(index)?,
            };
        }
        Some(Cow::Borrowed(value))
    }
}

fn known() -> Value {
    json!({
        "step_a": {"exit_code": 0, "stdout": "ab", "json": {"n": 1.5, "deep": {"x": [1, "a", null, {"k": 2}]}, "yes": true, "none": null}},
        "step_b": {"exit_code": -3, "stdout": "", "json": {"big": i64::MAX, "huge": u64::MAX, "far": 1e300, "near": 9_007_199_254_740_992.0}},
        "inputs": {"text": "x\"y'z\\ é\n", "list": [], "same": [1, "a", null, {"k": 2.0}], "no": false},
    })
}

const PATHS: &[&[&str]] = &[
    &["step_a", "exit_code"],
    &["step_a", "stdout"],
    &["step_a", "json"],
    &["step_a", "json", "n"],
    &["step_a", "json", "deep", "x"],
    &["step_a", "json", "yes"],
    &["step_a", "json", "none"],
    &["step_b", "exit_code"],
    &["step_b", "stdout"],
    &["step_b", "json", "big"],
    &["step_b", "json", "huge"],
    &["step_b", "json", "far"],
    &["step_b", "json", "near"],
    &["inputs", "text"],
    &["inputs", "list"],
    &["inputs", "same"],
    &["inputs", "no"],
    &["step_c", "stdout"],
    &["step_a", "json", "gone"],
];

const PATTERNS: &[&str] = &["^a", "b+", "[0-9]+", "x|y", "", "(?i)AB", "\\\\", "é", "^.{2}$"];

struct Generator(StdRng);

impl Generator {
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.0.random_range(0..from.len())]
    }

    /// Something that is true or false, or wrong.
    fn flag(&mut self, depth: u32) -> Tree {
        if depth == 0 {
            return self.operand(0);
        }
        match self.0.random_range(0..12) {
            0 => json!(["not", self.flag(depth - 1)]),
            word @ 1..=4 => {
                let parts: Vec<Tree> = (0..self.0.random_range(2..4))
                    .map(|_| self.flag(depth - 1))
                    .collect();
                json!([if word < 3 { "and" } else { "or" }, parts])
            }
            5 => json!(["matches", self.operand(depth - 1), self.pick(PATTERNS)]),
            6 => self.operand(depth),
            _ => {
                let operator = self.pick(&["==", "!=", "<", "<=", ">", ">=", "contains", "in"]);
                json!([
                    "compare",
                    operator,
                    self.operand(depth - 1),
                    self.operand(depth - 1)
                ])
            }
        }
    }

    fn operand(&mut self, depth: u32) -> Tree {
        match self.0.random_range(0..10) {
            0..4 => json!(["path", self.pick(PATHS)]),
            4 if depth > 0 => {
                let items: Vec<Tree> = (0..self.0.random_range(0..4))
                    .map(|_| self.operand(depth - 1))
                    .collect();
                json!(["list", items])
            }
            5 if depth > 0 => self.flag(depth - 1),
            _ => json!(["value", self.value()]),
        }
    }

    fn value(&mut self) -> Value {
        match self.0.random_range(0..12) {
            0 => Value::Null,
            1 | 2 => json!(self.0.random_bool(0.5)),
            3 | 4 => json!(self.0.random_range(-3..4)),
            5 => json!(self.pick(&[1.5, 0.0, -0.0, 1e300, 9_007_199_254_740_992.0, 9.3e18, -3.0, 1e-9])),
            6 => json!(self.pick(&[i64::MAX, i64::MIN, 9_007_199_254_740_993])),
            7 => json!(u64::MAX),
            _ => {
                let letters = [
                    'a',
                    'b',
                    'x',
                    'y',
                    '"',
                    '\'',
                    '\\',
                    'é',
                    '\u{1f600}',
                    '0',
                    ' ',
                    '}',
                    'k',
                ];
                let text: String = (0..self.0.random_range(0..4))
                    .map(|_| self.pick(&letters))
                    .collect();
                json!(text)
            }
        }
    }

    /// The tree as somebody would write it, with no more parentheses than it needs, and some that it does not.
    fn written(&mut self, tree: &Tree, tightness: u8) -> String {
        let (text, own) = match tree[0].as_str().unwrap() {
            "value" => (self.literal(&tree[1]), 4),
            "path" => (self.path(&tree[1]), 4),
            "list" => {
                let items: Vec<String> = tree[1]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| self.written(item, 3))
                    .collect();
                (format!("[{}]", items.join(self.pick(&[",", ", "]))), 4)
            }
            "not" => (format!("!{}", self.written(&tree[1], 3)), 3),
            word @ ("and" | "or") => {
                let (sign, own) = if word == "and" { ("&&", 1) } else { ("||", 0) };
                let parts: Vec<String> = tree[1]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|part| self.written(part, own + 1))
                    .collect();
                (
                    parts.join(&format!("{space}{sign}{space}", space = self.pick(&["", " "]))),
                    own,
                )
            }
            "matches" => {
                let left = self.written(&tree[1], 3);
                (format!("{left} matches {}", self.literal(&tree[2])), 2)
            }
            _ => {
                let (left, right) = (self.written(&tree[2], 3), self.written(&tree[3], 3));
                (format!("{left} {} {right}", tree[1].as_str().unwrap()), 2)
            }
        };
        if own < tightness || self.0.random_bool(0.05) {
            format!("({text})")
        } else {
            text
        }
    }

    fn literal(&mut self, value: &Value) -> String {
        match value {
            Value::String(text) if self.0.random_bool(0.5) => {
                format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
            }
            other => other.to_string(),
        }
    }

    fn path(&mut self, names: &Value) -> String {
        let mut text = if self.0.random_bool(0.1) { "variables." } else { "" }.to_owned();
        for (index, name) in names.as_array().unwrap().iter().enumerate() {
            let name = name.as_str().unwrap();
            text.push_str(&match (index, self.0.random_range(0..4)) {
                (0, _) => name.to_owned(),
                (_, 0) => format!("[\"{name}\"]"),
                (_, 1) => format!("['{name}']"),
                _ => format!(".{name}"),
            });
        }
        if self.0.random_bool(0.5) {
            format!("{{{{{text}}}}}")
        } else {
            text
        }
    }
}

#[test]
fn a_hundred_thousand_random_conditions_agree_with_an_evaluator_in_python() {
    let mut generator = Generator(StdRng::seed_from_u64(20_261_129));
    let cases: Vec<(Tree, String)> = (0..CASES)
        .map(|_| {
            let tree = generator.flag(3);
            let text = generator.written(&tree, 0);
            (tree, text)
        })
        .collect();
    let mut oracle = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conditions/oracle.py"))
        .arg(known().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is needed: `cargo xtask test` installs it");
    let mut input = oracle.stdin.take().unwrap();
    let lines: String = cases.iter().map(|(tree, _)| format!("{tree}\n")).collect();
    let writing = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = oracle.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(said.len(), CASES);

    let known = Known(known());
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for ((tree, text), said) in cases.iter().zip(said) {
        let outcome = match Condition::parse(text) {
            Ok(condition) => condition
                .evaluate(&known)
                .map_or("error", |flag| if flag { "true" } else { "false" }),
            Err(_) => "error",
        };
        assert_eq!(
            outcome,
            said,
            "{text}\n{tree}\n{:?}",
            Condition::parse(text).map(|one| one.evaluate(&known))
        );
        *seen.entry(outcome).or_default() += 1;
    }
    // Not most of them the same.
    assert!(seen.values().all(|count| *count > CASES / 20), "{seen:?}");
}
