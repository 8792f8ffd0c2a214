//! What the commands over versions have in common: the table, and the comparison of what two of them say.

use postern_api::Page;
use postern_domain::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use similar::TextDiff;

use super::list::closing;
use crate::{
    clock,
    failure::Failure,
    output::{Console, Tone},
    sanitize, words,
};

/// A version in a table.
pub(crate) struct Line<'a> {
    pub(crate) version: u32,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: &'a str,
    pub(crate) message: &'a str,
}

/// `made`: the heading of the time, like `DEPLOYED`.
pub(crate) fn print_versions<T: Serialize>(
    page: &Page<T>,
    made: &str,
    line: impl Fn(&T) -> Line<'_>,
    console: &Console,
) -> Result<(), Failure> {
    console.answer(page, |page| {
        let rows = page.items.iter().map(|version| {
            let line = line(version);
            [
                line.version.to_string(),
                words::relative(line.created_at, clock::now()),
                line.created_by.to_owned(),
                line.message.to_owned(),
            ]
            .into_iter()
            .map(|text| (text, Tone::Plain))
            .collect()
        });
        if !page.items.is_empty() {
            console.table(&["VERSION", made, "BY", "MESSAGE"], rows.collect());
        }
        closing(console, page, "versions");
    })
}

/// Something with a draft and versions, of which the newest runs.
pub(crate) struct Drafted<'a> {
    /// `action`
    pub(crate) what: &'a str,
    /// `deployed`
    pub(crate) done: &'a str,
    pub(crate) name: &'a str,
    pub(crate) newest: Option<u32>,
}

/// Between two versions; without numbers between what runs and the draft.
pub(crate) async fn diff(
    of: Drafted<'_>,
    (from, to): (Option<u32>, Option<u32>),
    version: impl AsyncFn(u32) -> Result<String, Failure>,
    draft: impl AsyncFn() -> Result<String, Failure>,
    console: &Console,
) -> Result<(), Failure> {
    let newest = of.newest.unwrap_or_default();
    let (old, new, names) = match (from, to) {
        (None, _) if of.newest.is_none() => {
            let Drafted { what, done, name, .. } = of;
            return Err(Failure::usage(format!(
                "{what} {name} has no {done} version to compare its draft with"
            )));
        }
        (None, _) => (
            version(newest).await?,
            draft().await?,
            [json!(newest), json!("draft")],
        ),
        (Some(from), to) => {
            let to = to.unwrap_or(newest);
            (version(from).await?, version(to).await?, [json!(from), json!(to)])
        }
    };
    print_diff(of.name, names, (&old, &new), console)
}

/// What changed between two texts that a thing of this name said.
pub(crate) fn print_diff(
    name: &str,
    [from, to]: [Value; 2],
    (old, new): (&str, &str),
    console: &Console,
) -> Result<(), Failure> {
    let diff = TextDiff::from_lines(old, new);
    let called = |version: &Value| match version {
        Value::String(word) => format!("{name} {word}"),
        number => format!("{name} version {number}"),
    };
    let unified = diff
        .unified_diff()
        .header(&called(&from), &called(&to))
        .to_string();
    console.answer(&json!({"from": from, "to": to, "diff": unified}), |_| {
        for line in unified.lines() {
            console.say(&sanitize::line(line));
        }
        if unified.is_empty() {
            console.note("both say the same");
        }
    })
}
