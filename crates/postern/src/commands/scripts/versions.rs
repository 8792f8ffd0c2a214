//! Versions: list, compare, restore.

use postern_api::scripts::{ScriptKind, ScriptRestore};
use serde_json::json;

use super::manage::comparable;
use crate::{
    commands::{
        list::ListArguments,
        versions::{Line, print_diff, print_versions},
    },
    context::Context,
    failure::Failure,
    lookup,
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
    print_versions(
        &page,
        "SAVED",
        |version| Line {
            version: version.version,
            created_at: version.created_at,
            created_by: &version.created_by,
            message: &version.message,
        },
        context.console,
    )
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
