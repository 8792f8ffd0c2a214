//! Versions of workflows: publish, list, compare, restore.

use postern_api::workflows::{WorkflowPublish, WorkflowRestore};
use postern_client::IdempotencyKey;
use postern_domain::WorkflowId;

use crate::{
    commands::{
        actions::manage::yaml,
        list::ListArguments,
        versions::{self, Drafted, Line, print_versions},
    },
    context::Context,
    failure::Failure,
    lookup,
};

pub(super) async fn publish(text: &str, message: String, context: &Context<'_>) -> Result<(), Failure> {
    let id = lookup::workflow(&context.client, text).await?.id;
    let request = WorkflowPublish {
        message,
        ..WorkflowPublish::default()
    };
    workflow_publish(id, &request, context).await
}

pub(super) async fn workflow_publish(
    id: WorkflowId,
    request: &WorkflowPublish,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let published = context
        .client
        .workflow_publish(id, request, &IdempotencyKey::random())
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
    print_versions(
        &page,
        "PUBLISHED",
        |version| Line {
            version: version.version,
            created_at: version.created_at,
            created_by: &version.created_by,
            message: &version.message,
        },
        context.console,
    )
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
    let of = Drafted {
        what: "workflow",
        done: "published",
        name: &workflow.name,
        newest: workflow.version,
    };
    let version = async |number| {
        yaml(
            &client
                .workflow_version_show(workflow.id, number)
                .await?
                .definition,
        )
    };
    let draft = async || yaml(&client.workflow_show(workflow.id).await?.draft);
    versions::diff(of, (from, to), version, draft, context.console).await
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
