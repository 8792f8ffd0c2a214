//! Versions of actions: deploy, list, compare, restore.

use postern_api::actions::{ActionDefinition, ActionDeploy, ActionRestore};
use postern_client::IdempotencyKey;
use postern_domain::ActionId;
use serde_json::json;

use super::manage::yaml;
use crate::{
    clock,
    commands::{
        list::{ListArguments, closing},
        scripts::versions::print_diff,
    },
    context::Context,
    failure::Failure,
    lookup,
    output::Tone,
    words,
};

pub(super) async fn deploy(text: &str, message: String, context: &Context<'_>) -> Result<(), Failure> {
    let id = lookup::action(&context.client, text).await?.id;
    action_deploy(id, message, context).await
}

pub(super) async fn action_deploy(
    id: ActionId,
    message: String,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let deployed = context
        .client
        .action_deploy(id, &ActionDeploy { message }, &IdempotencyKey::random())
        .await?;
    context.console.answer(&deployed, |deployed| {
        let action = &deployed.action;
        let version = action.version.unwrap_or_default();
        context
            .console
            .say(&format!("action {} runs version {version}", action.name));
    })
}

pub(super) async fn list(text: &str, list: &ListArguments, context: &Context<'_>) -> Result<(), Failure> {
    let id = lookup::action(&context.client, text).await?.id;
    let page = context
        .client
        .action_version_list_all(id, &list.request(&[]), list.limit())
        .await?;
    context.console.answer(&page, |page| {
        let rows = page.items.iter().map(|version| {
            [
                version.version.to_string(),
                words::relative(version.created_at, clock::now()),
                version.created_by.clone(),
                version.message.clone(),
            ]
            .into_iter()
            .map(|text| (text, Tone::Plain))
            .collect()
        });
        if !page.items.is_empty() {
            context
                .console
                .table(&["VERSION", "DEPLOYED", "BY", "MESSAGE"], rows.collect());
        }
        closing(context.console, page, "versions");
    })
}

/// Between two versions; without numbers between what runs and the draft.
pub(super) async fn diff(
    text: &str,
    from: Option<u32>,
    to: Option<u32>,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let client = &context.client;
    let action = lookup::action(client, text).await?;
    let version = |number| async move {
        let version = client.action_version_show(action.id, number).await?;
        Ok::<ActionDefinition, Failure>(version.definition)
    };
    let deployed = action.version.unwrap_or_default();
    let (old, new, names) = match (from, to) {
        (None, _) if deployed == 0 => {
            return Err(Failure::usage(format!(
                "action {} has no deployed version to compare its draft with",
                action.name
            )));
        }
        (None, _) => {
            let draft = client.action_show(action.id).await?.draft;
            (version(deployed).await?, draft, [json!(deployed), json!("draft")])
        }
        (Some(from), to) => {
            let to = to.unwrap_or(deployed);
            (version(from).await?, version(to).await?, [json!(from), json!(to)])
        }
    };
    print_diff(&action.name, names, (&yaml(&old)?, &yaml(&new)?), context.console)
}

pub(super) async fn restore(text: &str, version: u32, context: &Context<'_>) -> Result<(), Failure> {
    let id = lookup::action(&context.client, text).await?.id;
    let detail = context
        .client
        .action_restore(id, &ActionRestore { version })
        .await?;
    context.console.answer(&detail, |detail| {
        context.console.say(&format!(
            "the draft of {} says what version {version} says; `postern action deploy` makes it run",
            detail.action.name
        ));
    })
}
