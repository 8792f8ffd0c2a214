//! Tests that do not run and work that is not done, where nobody would notice.

use anyhow::Result;

use super::{Finding, Tree};

/// Written in two parts so that this file does not find itself.
const RUST: [(&str, &str); 3] = [
    (
        concat!("#[", "ignore"),
        "a test that is switched off proves nothing: mend or remove it",
    ),
    (concat!("todo", "!("), "unfinished code must not be reachable"),
    (
        concat!("unimplemented", "!("),
        "unfinished code must not be reachable",
    ),
];
const TYPESCRIPT: [(&str, &str); 4] = [
    (concat!(".", "only("), "runs one test and hides the others"),
    (
        concat!(".", "skip("),
        "a test that is switched off proves nothing: mend or remove it",
    ),
    (
        concat!(".", "skipIf("),
        "a test that is switched off proves nothing: mend or remove it",
    ),
    (
        concat!(".", "fixme("),
        "a test that is switched off proves nothing: mend or remove it",
    ),
];
const PROMISES: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(&[".rs", ".ts", ".tsx", ".css", ".sql", ".sh", "Containerfile"]) {
        let is_rust = path.ends_with(".rs");
        let forbidden: &[(&str, &str)] = if is_rust { &RUST } else { &TYPESCRIPT };
        if is_rust {
            let message = "an example in documentation is not run: write a test, or call it `text`";
            findings.extend(examples(&text).map(|line| Finding::new(path, line, message)));
        }
        for (index, line) in text.lines().enumerate() {
            for (marker, why) in forbidden.iter().filter(|(marker, _)| line.contains(marker)) {
                findings.push(Finding::new(path, index + 1, format!("`{marker}`: {why}")));
            }
            for promise in PROMISES.into_iter().filter(|promise| lacks_reason(line, promise)) {
                let message = format!("{promise} without a reason: write {promise}(why it waits)");
                findings.push(Finding::new(path, index + 1, message));
            }
        }
    }
    Ok(findings)
}

/// Lines where documentation begins code that the compiler would take for a test.
fn examples(text: &str) -> impl Iterator<Item = usize> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let line = line.trim_start();
        let Some(documentation) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
            fenced = false;
            return None;
        };
        let language = documentation.trim_start().strip_prefix("```")?;
        fenced = !fenced;
        (fenced && language.trim() != "text").then_some(index + 1)
    })
}

fn lacks_reason(line: &str, promise: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(promise).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + promise.len()..]);
        let stands_alone = !before.ends_with(part_of_word) && !after.starts_with(part_of_word);
        let reason = after
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(')'))
            .map(|(reason, _)| reason);
        stands_alone && reason.is_none_or(|reason| reason.trim().is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sample, expect};
    use super::{PROMISES, RUST, TYPESCRIPT, check};

    #[test]
    fn every_marker_is_found() {
        for (markers, path) in [(&RUST[..], "a.rs"), (&TYPESCRIPT[..], "web/a.test.ts")] {
            for (marker, _) in markers {
                let found = Sample::new(&[(path, &format!("fine\n  x{marker}y\n"))]).findings(check);
                assert!(
                    matches!(&found[..], [one] if one.starts_with(&format!("{path}:2: `{marker}`"))),
                    "{found:?}"
                );
            }
        }
    }

    #[test]
    fn an_iterator_may_skip_in_rust() {
        expect(check, &[("a.rs", &format!("list{}1)", TYPESCRIPT[1].0))], &[]);
    }

    #[test]
    fn an_example_in_documentation_would_not_run() {
        let text = "//! ```text\n//! as it is\n//! ```\n\n/// ```\n/// assert!(true);\n/// ```\nfn f() {}\n";
        let finding = "a.rs:5: an example in documentation is not run: write a test, or call it `text`";
        expect(check, &[("a.rs", text)], &[finding]);
        expect(check, &[("a.ts", text)], &[]);
    }

    #[test]
    fn a_promise_needs_a_reason() {
        for promise in PROMISES {
            expect(
                check,
                &[("a.rs", &format!("// {promise}(waits for version 2): this"))],
                &[],
            );
            expect(check, &[("a.rs", &format!("let MY{promise}S = 1;"))], &[]);
            for bad in [
                format!("// {promise}: later"),
                format!("// {promise}( ) later"),
                format!("// {promise}"),
            ] {
                let line = format!("a.rs:1: {promise} without a reason: write {promise}(why it waits)");
                expect(check, &[("a.rs", &bad)], &[&line]);
            }
        }
    }
}
