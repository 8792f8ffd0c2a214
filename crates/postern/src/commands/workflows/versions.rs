//! Versions of workflows: publish, list, compare, restore.

use postern_api::workflows::{WorkflowPublish, WorkflowRestore};
use postern_client::IdempotencyKey;
use postern_domain::{WorkflowId, workflow::Definition};
use serde_json::json;

use crate::{
    clock,
    commands::{
        actions::manage::yaml,
        list::{ListArguments, closing},
        scripts::versions::print_diff,
    },
    context::Context,
    failure::Failure,
    lookup,
    output::Tone,
    words,
};

pub(super) async fn publish(text: &str, message: String, context: &Context<'_>) -> Result<(), Failure> {
    let id = lookup::workflow(&context.client, text).await?.id;
    workflow_publish(id, message, context).await
}

pub(super) async fn workflow_publish(
    id: WorkflowId,
    message: String,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let published = context
        .client
        .workflow_publish(id, &WorkflowPublish { message }, &IdempotencyKey::random())
        .await?;
    context.console.answer(&published, |published| {
        let workflow = &published.workflow;
        let version = workflow.version.unwrap_or_default();
        context
            .console
            .say(&format!("workflow {} runs version {version}", workflow.name));
    })
}

pub(super) async fn list(text: &str, list: &ListArguments, context: &Context<'_>) -> Result<(), Failure> {
    let id = lookup::workflow(&context.client, text).await?.id;
    let page = context
        .client
        .workflow_version_list_all(id, &list.request(&[]), list.limit())
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
                .table(&["VERSION", "PUBLISHED", "BY", "MESSAGE"], rows.collect());
        }
        closing(context.console, page, "versions");
    })
}

/// Between two versions; without numbers between what runs and the draft. Normal forms are compared: comments and the
/// order of fields are no change.
pub(super) async fn diff(
    text: &str,
    from: Option<u32>,
    to: Option<u32>,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let client = &context.client;
    let workflow = lookup::workflow(client, text).await?;
    let version = |number| async move {
        let version = client.workflow_version_show(workflow.id, number).await?;
        Ok::<Definition, Failure>(version.definition)
    };
    let published = workflow.version.unwrap_or_default();
    let (old, new, names) = match (from, to) {
        (None, _) if published == 0 => {
            return Err(Failure::usage(format!(
                "workflow {} has no published version to compare its draft with",
                workflow.name
            )));
        }
        (None, _) => {
            let draft = client.workflow_show(workflow.id).await?.draft;
            (
                version(published).await?,
                draft,
                [json!(published), json!("draft")],
            )
        }
        (Some(from), to) => {
            let to = to.unwrap_or(published);
            (version(from).await?, version(to).await?, [json!(from), json!(to)])
        }
    };
    print_diff(
        &workflow.name,
        names,
        (&yaml(&old)?, &yaml(&new)?),
        context.console,
    )
}

pub(super) async fn restore(text: &str, version: u32, context: &Context<'_>) -> Result<(), Failure> {
    let id = lookup::workflow(&context.client, text).await?.id;
    let detail = context
        .client
        .workflow_restore(id, &WorkflowRestore { version })
        .await?;
    context.console.answer(&detail, |detail| {
        context.console.say(&format!(
            "the draft of {} says what version {version} says; `postern workflow publish` makes it run",
            detail.workflow.name
        ));
    })
}
