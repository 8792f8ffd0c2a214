//! A draft becomes the version that runs, which is never changed afterwards.

use postern_api::workflows::{WorkflowDetail, WorkflowPublish};
use postern_domain::{WorkflowId, name::MAX_MESSAGE};
use postern_store::{tx, uses, workflows};

use super::{
    MANAGE,
    convert::detail_of,
    draft::{check_kept, field_problem},
    find,
    fits::{self, Asked, Found},
    record::{recorded, user},
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        idempotency::{self, Key},
    },
    named::{self, json},
};

/// Whether the draft is the one that the caller knows, where they say which that is.
pub(super) fn check_base(workflow: &workflows::Workflow, based_on: Option<&str>, then: &str) -> Result<()> {
    if based_on.is_none_or(|digest| digest == workflow.digest) {
        return Ok(());
    }
    let detail = format!(
        "The draft of workflow {:?} was changed by {} meanwhile. Load it again and {then}.",
        workflow.name, workflow.updated_by
    );
    Err(Error::conflict("newer_draft", detail))
}

/// The draft becomes the version that runs. What it names must be there and take what it is given.
pub(super) async fn workflow_publish(
    app: &App,
    caller: &Caller,
    id: WorkflowId,
    request: WorkflowPublish,
    key: Key,
) -> Result<WorkflowDetail> {
    named::check_text("message", &request.message, MAX_MESSAGE)?;
    let (now, author, inner, wanted) = (app.now(), caller.clone(), app.clone(), request.clone());
    let published = idempotency::create(
        app,
        caller,
        key,
        "workflow_publish",
        &(id, request),
        tx!(tx => {
            let workflow = find(tx, &author, id, MANAGE).await?;
            check_base(&workflow, wanted.based_on.as_deref(), "look at what is published")?;
            if workflow.published_digest.as_ref() == Some(&workflow.digest) {
                let number = workflow.version.unwrap_or_default();
                let detail = format!("The draft says what version {number} says already, which is published.");
                return Err(Error::conflict("nothing_to_publish", detail));
            }
            check_kept(&workflow.draft)?;
            let before = detail_of(tx, workflow.clone()).await?;
            let asked = Asked { app: &inner, caller: &author, id, place: workflow.place() };
            let found = fits::look(asked, tx, &before.draft).await?;
            refuse_unfit(&found)?;
            let ids = json(&found.ids)?;
            workflows::publish(tx, &workflow, &ids, &wanted.message, &author.actor(), now).await?;
            uses::set(tx, user(id, &workflow.name), &found.used).await?;
            recorded(tx, &author, id, "workflow_publish", Some(&before), now).await
        }),
    )
    .await?;
    Ok(published.0)
}

fn refuse_unfit(found: &Found) -> Result<()> {
    if found.problems.0.is_empty() {
        return Ok(());
    }
    let problems = found
        .problems
        .0
        .iter()
        .map(|problem| field_problem("draft", problem));
    Err(Error::Invalid(problems.collect()))
}
