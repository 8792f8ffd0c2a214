//! Saving drafts of workflows.

use postern_api::workflows::{
    WorkflowClone, WorkflowCreate, WorkflowDetail, WorkflowRestore, WorkflowUpdate,
};
use postern_domain::{
    Timestamp, WorkflowId,
    workflow::{Problem, Severity},
};
use postern_store::{
    Tx, tx, uses,
    workflows::{self, Saved},
};

use super::{
    MANAGE, VIEW,
    convert::detail_of,
    draft::{Draft, saved},
    find, find_version,
    fits::{self, Asked},
    publish::check_base,
    record::{recorded, user},
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        idempotency::{self, Key},
    },
    named::{self, taken},
    rooms::identity::places::place_for,
};

pub(super) async fn workflow_create(
    app: &App,
    caller: &Caller,
    request: WorkflowCreate,
    key: Key,
) -> Result<WorkflowDetail> {
    let draft = Draft::read(request.definition.clone(), request.source.clone())?;
    let saved = saved(request.name.clone(), request.description.clone(), draft)?;
    let (now, author, place) = (
        app.now(),
        caller.clone(),
        (request.organization_id, request.department_id),
    );
    let created = idempotency::create(
        app,
        caller,
        key,
        "workflow_create",
        &request,
        tx!(tx => {
            let place = place_for(tx, &author, place, MANAGE, VIEW).await?;
            let name = saved.name.clone();
            let id = workflows::create(tx, place, saved, &author.actor(), now)
                .await
                .map_err(|error| taken(error, "a workflow", &name))?;
            recorded(tx, &author, id, "workflow_create", None, now).await
        }),
    )
    .await?;
    Ok(doubted(app, caller, created.0).await)
}

pub(super) async fn workflow_update(
    app: &App,
    caller: &Caller,
    id: WorkflowId,
    request: WorkflowUpdate,
) -> Result<WorkflowDetail> {
    let draft = match (&request.definition, &request.source) {
        (None, None) => None,
        _ => Some(Draft::read(request.definition.clone(), request.source.clone())?),
    };
    let (now, author) = (app.now(), caller.clone());
    let written = app
        .store
        .write::<_, Error, _>(tx!(tx => {
            let workflow = find(tx, &author, id, MANAGE).await?;
            check_base(&workflow, request.based_on.as_deref(), "repeat the edit")?;
            let draft = match draft {
                Some(draft) => draft,
                None => Draft::of(&workflow)?,
            };
            let name = request.name.unwrap_or_else(|| workflow.name.clone());
            let description = request.description.unwrap_or_else(|| workflow.description.clone());
            write(tx, &author, workflow, saved(name, description, draft)?, "workflow_update", now).await
        }))
        .await?;
    Ok(doubted(app, caller, written).await)
}

/// What an old version says becomes the draft.
pub(super) async fn workflow_restore(
    app: &App,
    caller: &Caller,
    id: WorkflowId,
    request: WorkflowRestore,
) -> Result<WorkflowDetail> {
    let (now, author) = (app.now(), caller.clone());
    let written = app
        .store
        .write::<_, Error, _>(tx!(tx => {
            let workflow = find(tx, &author, id, MANAGE).await?;
            let old = find_version(tx, id, request.version).await?;
            let saved = Saved {
                name: workflow.name.clone(),
                description: workflow.description.clone(),
                draft: old.definition,
                digest: old.digest,
                source: old.source,
            };
            write(tx, &author, workflow, saved, "workflow_restore", now).await
        }))
        .await?;
    Ok(doubted(app, caller, written).await)
}

/// A copy of the draft under another name.
pub(super) async fn workflow_clone(
    app: &App,
    caller: &Caller,
    id: WorkflowId,
    request: WorkflowClone,
    key: Key,
) -> Result<WorkflowDetail> {
    named::check(&request.name, "workflows")?;
    let (now, author, name) = (app.now(), caller.clone(), request.name.clone());
    let created = idempotency::create(
        app,
        caller,
        key,
        "workflow_clone",
        &(id, request),
        tx!(tx => {
            let source = find(tx, &author, id, MANAGE).await?;
            let saved = Saved {
                name: name.clone(),
                description: source.description.clone(),
                draft: source.draft.clone(),
                digest: source.digest.clone(),
                source: source.source.clone(),
            };
            let copy = workflows::create(tx, source.place(), saved, &author.actor(), now)
                .await
                .map_err(|error| taken(error, "a workflow", &name))?;
            recorded(tx, &author, copy, "workflow_clone", None, now).await
        }),
    )
    .await?;
    Ok(doubted(app, caller, created.0).await)
}

async fn write(
    tx: &mut Tx<'_>,
    caller: &Caller,
    workflow: workflows::Workflow,
    saved: Saved,
    operation: &'static str,
    now: Timestamp,
) -> Result<WorkflowDetail> {
    let id = workflow.id;
    let before = detail_of(tx, workflow).await?;
    let name = saved.name.clone();
    workflows::update(tx, id, saved, &caller.actor(), now)
        .await
        .map_err(|error| taken(error, "a workflow", &name))?;
    uses::renamed(tx, user(id, &name)).await?;
    recorded(tx, caller, id, operation, Some(&before), now).await
}

/// A draft as it is saved, with what would keep it from being published as things are. That is looked at after it was saved
/// or read, as it may take a while: nobody else waits for it, and whatever comes of it the draft stays saved.
pub(super) async fn doubted(app: &App, caller: &Caller, mut saved: WorkflowDetail) -> WorkflowDetail {
    let (inner, author) = (app.clone(), caller.clone());
    let (id, draft) = (saved.workflow.id, saved.draft.clone());
    let found = app
        .store
        .scan::<_, Error, _>(tx!(tx => {
            // Gone already: then nobody publishes it.
            let Some(workflow) = workflows::find(tx, id).await? else {
                return Ok(Vec::new());
            };
            let asked = Asked { app: &inner, caller: &author, id, place: workflow.place() };
            Ok(fits::look(asked, tx, &draft).await?.problems.0)
        }))
        .await;
    let problems = found.unwrap_or_else(|error| {
        tracing::warn!(%error, workflow = %id, "what a draft names could not be looked at");
        vec![Problem {
            severity: Severity::Warning,
            pointer: String::new(),
            step: None,
            span: None,
            message: "what it names could not be looked at: publishing it looks again".into(),
        }]
    });
    saved.draft_problems.extend(problems);
    saved
}
