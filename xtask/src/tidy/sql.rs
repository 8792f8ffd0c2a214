//! SQL belongs to `crates/store`, where every statement runs against both engines in the conformance suite.
//! Integration tests may have their own: a look behind the product that went through the product would be none.

use anyhow::Result;

use super::{Finding, Tree};

/// A word that begins a statement, and one that must follow it on the same or the next lines. Written in parts so that
/// this file does not find itself.
const STATEMENTS: [(&str, &str); 8] = [
    (concat!("SEL", "ECT "), " FROM "),
    (concat!("INS", "ERT "), "INTO "),
    (concat!("UPD", "ATE "), " SET "),
    (concat!("DEL", "ETE "), "FROM "),
    (concat!("CRE", "ATE TABLE"), ""),
    (concat!("ALT", "ER TABLE"), ""),
    (concat!("DR", "OP TABLE"), ""),
    (concat!("CRE", "ATE INDEX"), ""),
];
const LINES_AHEAD: usize = 8;
/// What no product does: filling a database for the benchmark, and looking for the databases that other tests left.
const BESIDE: [&str; 2] = ["crates/swarm/src/stored.rs", "crates/testkit/src/postgres.rs"];

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(&[".rs", ".ts", ".tsx"]).filter(|(path, _)| {
        !path.starts_with("crates/store/") && !path.contains("/tests/") && !BESIDE.contains(path)
    }) {
        let lines: Vec<&str> = text.lines().map(without_comment).collect();
        for (index, line) in lines.iter().enumerate() {
            let ahead = lines[index..lines.len().min(index + LINES_AHEAD)].join(" ");
            if STATEMENTS
                .iter()
                .any(|(begin, then)| begins_statement(line, begin) && follows(&ahead, begin, then))
            {
                findings.push(Finding::new(
                    path,
                    index + 1,
                    "SQL outside of crates/store: give the store a method for it",
                ));
            }
        }
    }
    Ok(findings)
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with("//") {
        ""
    } else {
        line
    }
}

/// At the start of a line or of a literal, not in the middle of a sentence.
fn begins_statement(line: &str, begin: &str) -> bool {
    line.match_indices(begin).any(|(start, _)| {
        let before = line[..start].trim_end();
        before.is_empty() || before.ends_with(['"', '`', '\'', '#', '(', ';'])
    })
}

fn follows(ahead: &str, begin: &str, then: &str) -> bool {
    ahead
        .split_once(begin)
        .is_some_and(|(_, rest)| format!(" {rest}").contains(then))
}

#[cfg(test)]
mod tests {
    use super::super::testing::expect;
    use super::{BESIDE, STATEMENTS, check};

    #[test]
    fn every_statement_is_found_outside_of_the_store_only() {
        for (begin, then) in STATEMENTS {
            let code = format!("fn f() {{\n    run(\"{begin} a\n      {then} b\")\n}}\n");
            for allowed in [
                "crates/store/src/a.rs",
                "crates/server/tests/whole/a.rs",
                BESIDE[0],
            ] {
                expect(check, &[(allowed, &code)], &[]);
            }
            expect(
                check,
                &[("crates/server/src/a.rs", &code)],
                &["crates/server/src/a.rs:2: SQL outside of crates/store: give the store a method for it"],
            );
        }
    }

    #[test]
    fn words_in_comments_and_sentences_pass() {
        let (begin, then) = STATEMENTS[0];
        let code = format!(
            "// {begin}a{then}b\nlet s = \"we {begin}a{then}b\";\nlet t = \"{begin}one of these\";\n"
        );
        expect(check, &[("crates/server/src/a.rs", &code)], &[]);
    }
}
