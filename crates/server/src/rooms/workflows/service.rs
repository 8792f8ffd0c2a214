//! Saving workflows: a draft that is edited, and versions that are never changed once they are published.

use super::{
    MANAGE, VIEW,
    draft::{Draft, check_kept, checked, definition_of, dotted, saved},
    find, find_to_delete,
    fits::{self, Asked, Found},
    missing,
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        extract::{List, page_of, unknown_filter},
        idempotency::{self, Key},
    },
    named::{self, json, taken},
    rooms::identity::places::place_for,
    uses::told,
};
use postern_api::{
    FieldProblem, Page,
    workflows::{
        Workflow, WorkflowClone, WorkflowCreate, WorkflowDetail, WorkflowPublish, WorkflowRestore,
        WorkflowTemplate, WorkflowTemplates, WorkflowUpdate, WorkflowVersion,
    },
};
use postern_domain::{
    InstanceId, WorkflowId,
    workflow::{Problem, Severity, each_step, templates::TEMPLATES},
};
use postern_store::{
    Cursor, SortDirection, Tx, audit, tx,
    uses::{self, Used, User},
    workflows::{self, Saved, instances},
};

const MAX_MESSAGE: usize = 500;
/// Instances in a refusal.
const NAMED: u32 = 5;

pub(super) async fn workflow_list(app: &App, caller: &Caller, mut list: List) -> Result<Page<Workflow>> {
    list.sort_by(&["name"], SortDirection::Ascending)?;
    let mut filter = workflows::Filter {
        search: list.search.clone(),
        ..Default::default()
    };
    for (field, values) in &list.filters {
        match field.as_str() {
            "name" => filter.names.clone_from(values),
            _ => return Err(unknown_filter(field, "name")),
        }
    }
    let (reach, page, limit) = (caller.reach(VIEW), list.page.clone(), list.page.limit);
    let rows = app
        .store
        .scan::<_, Error, _>(tx!(tx => Ok(workflows::list(tx, &reach, &filter, &page).await?)))
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: row.name.clone(),
            id: row.id.0,
        },
        |row| workflow_of(&row),
    )
}

pub(super) async fn workflow_show(app: &App, caller: &Caller, id: WorkflowId) -> Result<WorkflowDetail> {
    let caller = caller.clone();
    app.store
        .read(tx!(tx => {
            let workflow = find(tx, &caller, id, VIEW).await?;
            detail_of(tx, workflow).await
        }))
        .await
}

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
            let old = version(tx, id, request.version).await?;
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

/// Whether the draft is the one that the caller knows, where they say which that is.
fn check_base(workflow: &workflows::Workflow, based_on: Option<&str>, then: &str) -> Result<()> {
    if based_on.is_none_or(|digest| digest == workflow.digest) {
        return Ok(());
    }
    let detail = format!(
        "The draft of workflow {} was changed by {} meanwhile. Load it again and {then}.",
        workflow.id, workflow.updated_by
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
    if found.problems.is_empty() {
        return Ok(());
    }
    let problems = found.problems.iter().map(|problem| FieldProblem {
        field: format!("draft{}", dotted(&problem.pointer)),
        message: problem.message.clone(),
    });
    Err(Error::Invalid(problems.collect()))
}

const fn user(id: WorkflowId, name: &str) -> User<'_> {
    User {
        kind: "workflow",
        id: id.0,
        name,
    }
}

/// Its ended instances go with it: at once for whoever looks, from the database a few at a time.
pub(super) async fn workflow_delete(app: &App, caller: &Caller, id: WorkflowId) -> Result<()> {
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .write(tx!(tx => {
            let workflow = find_to_delete(tx, &caller, id).await?;
            let open = instances::open_of(tx, id, NAMED + 1).await?;
            if !open.is_empty() {
                let detail = format!(
                    "Workflow {:?} has instances that have not ended: {}. Cancel them first, or wait for their ends.",
                    workflow.name, some(&open)
                );
                return Err(Error::conflict("workflow_running", detail));
            }
            let users = uses::of(tx, Used::Workflow, id.0).await?;
            if !users.is_empty() {
                let detail = format!(
                    "Workflow {:?} is used by: {}. Change or delete those first.", workflow.name, told(&caller, &users)
                );
                return Err(Error::conflict("workflow_in_use", detail));
            }
            let tenant = workflow.tenant_id;
            let before = detail_of(tx, workflow).await?;
            workflows::delete(tx, id, now).await?;
            uses::set(tx, user(id, &before.workflow.name), &[]).await?;
            let mut entry = caller.entry(now, "workflow_delete", format!("workflow:{id}"), tenant);
            entry.before = Some(on_record(&before));
            Ok(audit::append(tx, vec![entry]).await?)
        }))
        .await
}

/// So many of them by their ids.
fn some(instances: &[InstanceId]) -> String {
    let most = usize::try_from(NAMED).unwrap_or(usize::MAX);
    let ids: Vec<String> = instances.iter().take(most).map(InstanceId::to_string).collect();
    let more = if instances.len() > most { " and more" } else { "" };
    format!("{}{more}", ids.join(", "))
}

pub(super) fn workflow_template_list() -> WorkflowTemplates {
    let items = TEMPLATES.iter().map(|template| WorkflowTemplate {
        name: template.name.to_owned(),
        title: template.title.to_owned(),
        description: template.description.to_owned(),
        source: template.source.to_owned(),
    });
    WorkflowTemplates {
        items: items.collect(),
    }
}

pub(super) async fn workflow_version_list(
    app: &App,
    caller: &Caller,
    id: WorkflowId,
    mut list: List,
) -> Result<Page<WorkflowVersion>> {
    list.sort_by(&["version"], SortDirection::Descending)?;
    if let Some((field, _)) = list.filters.first() {
        return Err(unknown_filter(field, "nothing"));
    }
    let (caller, limit) = (caller.clone(), list.page.limit);
    let rows = app
        .store
        .read::<_, Error, _>(tx!(tx => {
            find(tx, &caller, id, VIEW).await?;
            Ok(workflows::versions(tx, id, &list.page).await?)
        }))
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: String::new(),
            id: row.version.into(),
        },
        version_of,
    )
}

pub(super) async fn workflow_version_show(
    app: &App,
    caller: &Caller,
    id: WorkflowId,
    number: u32,
) -> Result<WorkflowVersion> {
    let caller = caller.clone();
    app.store
        .read(tx!(tx => {
            find(tx, &caller, id, VIEW).await?;
            version_of(version(tx, id, number).await?)
        }))
        .await
}

async fn version(tx: &mut Tx<'_>, id: WorkflowId, number: u32) -> Result<workflows::Version> {
    let found = workflows::version(tx, id, number).await?;
    found.ok_or_else(|| Error::not_found("version", format!("{number} of workflow {id}")))
}

async fn write(
    tx: &mut Tx<'_>,
    caller: &Caller,
    workflow: workflows::Workflow,
    saved: Saved,
    operation: &'static str,
    now: postern_domain::Timestamp,
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

async fn recorded(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: WorkflowId,
    operation: &'static str,
    before: Option<&WorkflowDetail>,
    now: postern_domain::Timestamp,
) -> Result<WorkflowDetail> {
    let workflow = workflows::find(tx, id).await?.ok_or_else(|| missing(id))?;
    let tenant = workflow.tenant_id;
    let after = detail_of(tx, workflow).await?;
    let mut entry = caller.entry(now, operation, format!("workflow:{id}"), tenant);
    entry.before = before.map(on_record);
    entry.after = Some(on_record(&after));
    audit::append(tx, vec![entry]).await?;
    Ok(after)
}

/// What was saved, with what would keep it from being published as things are. It is saved before that is looked at, which
/// may take a while: nobody else waits for it, and whatever comes of it the draft stays saved.
async fn doubted(app: &App, caller: &Caller, mut saved: WorkflowDetail) -> WorkflowDetail {
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
            Ok(fits::look(asked, tx, &draft).await?.problems)
        }))
        .await;
    let problems = found.unwrap_or_else(|error| {
        tracing::warn!(%error, workflow = %id, "a draft was saved and could not be looked over");
        vec![Problem {
            severity: Severity::Warning,
            pointer: String::new(),
            span: None,
            message: "is saved, and what it names could not be looked at: publishing it looks again".into(),
        }]
    });
    saved.draft_problems.extend(problems);
    saved
}

/// What it does is told by its digest.
fn on_record(detail: &WorkflowDetail) -> String {
    let workflow = &detail.workflow;
    let record = serde_json::json!({
        "name": workflow.name, "description": workflow.description, "version": workflow.version,
        "draft_sha256": detail.draft_sha256, "sha256": detail.published.as_ref().map(|version| &version.sha256),
    });
    record.to_string()
}

fn workflow_of(row: &workflows::Workflow) -> Result<Workflow> {
    let mut steps = 0;
    each_step(&definition_of(&row.draft)?.steps, "", &mut |_, _| steps += 1);
    Ok(Workflow {
        id: row.id,
        name: row.name.clone(),
        description: row.description.clone(),
        organization_id: row.organization_id,
        department_id: row.department_id,
        version: row.version,
        draft_differs: row.published_digest.as_ref() != Some(&row.digest),
        steps,
        created_at: row.created,
        created_by: row.created_by.clone(),
        updated_at: row.updated,
        updated_by: row.updated_by.clone(),
    })
}

fn version_of(row: workflows::Version) -> Result<WorkflowVersion> {
    Ok(WorkflowVersion {
        version: row.version,
        definition: definition_of(&row.definition)?,
        source: row.source,
        sha256: row.digest,
        message: row.message,
        created_at: row.created,
        created_by: row.created_by,
    })
}

async fn detail_of(tx: &mut Tx<'_>, row: workflows::Workflow) -> Result<WorkflowDetail> {
    let published = match row.version {
        Some(number) => Some(version_of(version(tx, row.id, number).await?)?),
        None => None,
    };
    let draft = definition_of(&row.draft)?;
    let (Ok((_, problems)) | Err(problems)) = checked(draft.clone());
    Ok(WorkflowDetail {
        workflow: workflow_of(&row)?,
        draft,
        draft_sha256: row.digest,
        draft_source: row.source,
        draft_problems: problems.0,
        published,
    })
}
