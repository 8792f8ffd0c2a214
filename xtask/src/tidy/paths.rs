//! Documents that name a file name one that exists. Text in backticks counts when it starts with one of our top-level
//! folders; a link counts unless it leaves the repository. A `<name>`, `…`, `*` or `NNNN` marks a pattern, not a path.

use anyhow::Result;

use super::{Finding, Tree};

const TOP_LEVEL: [&str; 8] = [
    "crates/", "web/", "xtask/", "docs/", "deploy/", "openapi/", ".ci/", ".cargo/",
];
/// The change log speaks of what was.
const HISTORY: [&str; 1] = ["CHANGELOG.md"];
/// Made by tools, so absent from a fresh clone.
const PRODUCED: [&str; 2] = ["web/dist", "web/node_modules"];

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(&[".md"]).filter(|(path, _)| !HISTORY.contains(path)) {
        let mut fenced = false;
        for (index, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            } else if !fenced {
                let missing = spoken_paths(line).into_iter().chain(linked_paths(path, line));
                findings.extend(
                    missing
                        .filter(|named| !tree.exists(named))
                        .map(|named| Finding::new(path, index + 1, format!("`{named}` does not exist"))),
                );
            }
        }
    }
    Ok(findings)
}

/// Paths in backticks, from the repository's root.
fn spoken_paths(line: &str) -> Vec<String> {
    let spans = line.split('`').skip(1).step_by(2);
    let paths = spans.filter(|span| TOP_LEVEL.iter().any(|top| span.starts_with(top)));
    paths
        .filter(|span| !is_pattern(span))
        .flat_map(expand)
        .map(|path| strip_place(&path))
        .filter(|path| is_kept(path))
        .collect()
}

fn is_pattern(text: &str) -> bool {
    text.contains(['<', '*', '…', ' ', '$']) || text.contains("NNNN")
}

fn is_kept(path: &str) -> bool {
    !PRODUCED.iter().any(|produced| path.starts_with(produced))
}

/// `a/{b,c}/d` stands for two paths.
fn expand(text: &str) -> Vec<String> {
    match (text.find('{'), text.find('}')) {
        (Some(open), Some(close)) if open < close => {
            let (before, after) = (&text[..open], &text[close + 1..]);
            let choices = text[open + 1..close].split(',');
            choices
                .flat_map(|choice| expand(&format!("{before}{}{after}", choice.trim())))
                .collect()
        }
        _ => vec![text.to_owned()],
    }
}

/// Without `:12`, `::item`, `#anchor` and a slash at the end.
fn strip_place(path: &str) -> String {
    let end = path.find([':', '#']).unwrap_or(path.len());
    path[..end].trim_end_matches('/').to_owned()
}

/// Targets of links and images that stay in the repository, from its root.
fn linked_paths(document: &str, line: &str) -> Vec<String> {
    let inline = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next());
    let reference = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]: "))
        .map(|(_, target)| target.trim());
    let leaves = |target: &&str| target.contains(':') || target.starts_with('#') || target.is_empty();
    let stays = inline
        .chain(reference)
        .filter(|target| !leaves(target) && !is_pattern(target));
    stays
        .map(|target| resolve(document, &strip_place(target)))
        .filter(|path| is_kept(path))
        .collect()
}

fn resolve(document: &str, target: &str) -> String {
    let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::super::testing::expect;
    use super::check;

    const CODE: (&str, &str) = ("crates/domain/src/lib.rs", "");

    #[test]
    fn paths_that_exist_and_patterns_pass() {
        let text = "`crates/domain/src/lib.rs:12`, `crates/{domain}/src`, `docs/rooms/<room>.md`, `web/dist/`, `a/b`\n\
                    [x](crates/domain/), [y](https://example.org/z), [z](#here)\n```\n`docs/none.md`\n```\n";
        expect(check, &[CODE, ("README.md", text)], &[]);
    }

    #[test]
    fn a_missing_path_in_backticks_fails() {
        expect(
            check,
            &[
                CODE,
                ("ARCHITECTURE.md", "Well.\nSee `crates/{domain,gone}/src`.\n"),
            ],
            &["ARCHITECTURE.md:2: `crates/gone/src` does not exist"],
        );
    }

    #[test]
    fn a_missing_link_fails_from_where_it_stands() {
        expect(
            check,
            &[
                CODE,
                (
                    "docs/guides/a.md",
                    "[ok](../../crates/domain) and [bad](../none.md#part)\n\n[r]: b.md\n",
                ),
            ],
            &[
                "docs/guides/a.md:1: `docs/none.md` does not exist",
                "docs/guides/a.md:3: `docs/guides/b.md` does not exist",
            ],
        );
    }

    #[test]
    fn the_change_log_may_name_what_is_gone() {
        expect(check, &[("CHANGELOG.md", "- removed `crates/gone/src`\n")], &[]);
    }
}
