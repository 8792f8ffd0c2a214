//! Versions: list, compare, restore.

use postern_api::scripts::{ScriptKind, ScriptRestore};
use serde_json::{Value, json};
use similar::TextDiff;

use super::manage::comparable;
use crate::{
    clock,
    commands::list::{ListArguments, closing},
    context::Context,
    failure::Failure,
    lookup,
    output::{Console, Tone},
    sanitize, words,
};

pub(super) async fn list(
    kind: ScriptKind,
    text: &str,
    list: &ListArguments,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let id = lookup::script(&context.client, kind, text).await?.id;
    let page = context
        .client
        .script_version_list_all(id, &list.request(&[]), list.limit())
        .await?;
    context.console.answer(&page, |page| {
        let rows = page.items.iter().map(|line| {
            [
                line.version.to_string(),
                words::relative(line.created_at, clock::now()),
                line.created_by.clone(),
                line.message.clone(),
            ]
            .into_iter()
            .map(|text| (text, Tone::Plain))
            .collect()
        });
        context
            .console
            .table(&["VERSION", "SAVED", "BY", "MESSAGE"], rows.collect());
        closing(context.console, page, "versions");
    })
}

pub(super) async fn diff(
    kind: ScriptKind,
    text: &str,
    from: Option<u32>,
    to: Option<u32>,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let script = lookup::script(&context.client, kind, text).await?;
    let to = to.unwrap_or(script.version);
    let from = from.unwrap_or_else(|| to.saturating_sub(1).max(1));
    let mut texts = Vec::new();
    for number in [from, to] {
        let version = context.client.script_version_show(script.id, number).await?;
        texts.push(comparable(&version.definition)?);
    }
    let names = [json!(from), json!(to)];
    print_diff(&script.name, names, (&texts[0], &texts[1]), context.console)
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

pub(super) async fn restore(
    kind: ScriptKind,
    text: &str,
    version: u32,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let id = lookup::script(&context.client, kind, text).await?.id;
    let detail = context
        .client
        .script_restore(id, &ScriptRestore { version })
        .await?;
    context.console.answer(&detail, |detail| {
        let script = &detail.script;
        context.console.say(&format!(
            "{} is at version {}, which says what version {version} says",
            script.name, script.version
        ));
    })
}
