//! Versions of actions: deploy, list, compare, restore.

use postern_api::actions::{ActionDeploy, ActionRestore};
use postern_client::IdempotencyKey;
use postern_domain::ActionId;

use super::manage::yaml;
use crate::{
    commands::{
        list::ListArguments,
        versions::{self, Drafted, Line, print_versions},
    },
    context::Context,
    failure::Failure,
    lookup,
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
    print_versions(
        &page,
        "DEPLOYED",
        |version| Line {
            version: version.version,
            created_at: version.created_at,
            created_by: &version.created_by,
            message: &version.message,
        },
        context.console,
    )
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
    let of = Drafted {
        what: "action",
        done: "deployed",
        name: &action.name,
        newest: action.version,
    };
    let version = async |number| yaml(&client.action_version_show(action.id, number).await?.definition);
    let draft = async || yaml(&client.action_show(action.id).await?.draft);
    versions::diff(of, (from, to), version, draft, context.console).await
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
