//! Versions: list, compare, restore.

use postern_api::scripts::{ScriptKind, ScriptRestore};
use serde_json::json;
use similar::TextDiff;

use super::manage::comparable;
use crate::{
    clock,
    commands::list::{ListArguments, closing},
    context::Context,
    failure::Failure,
    lookup,
    output::Tone,
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
    let diff = TextDiff::from_lines(&texts[0], &texts[1]);
    let names = [
        format!("{} version {from}", script.name),
        format!("{} version {to}", script.name),
    ];
    let unified = diff.unified_diff().header(&names[0], &names[1]).to_string();
    context
        .console
        .answer(&json!({"from": from, "to": to, "diff": unified}), |_| {
            for line in unified.lines() {
                context.console.say(&sanitize::line(line));
            }
            if unified.is_empty() {
                context
                    .console
                    .note(&format!("versions {from} and {to} say the same"));
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
