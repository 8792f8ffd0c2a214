//! Saving workflows: a draft that is edited, and versions that are never changed once they are published.

use super::{
    MANAGE, VIEW,
    draft::{Draft, definition_of, saved},
    find, missing, names,
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        extract::{List, page_of, unknown_filter},
        idempotency::{self, Key},
    },
    named::{self, taken},
    rooms::identity::places::place_for,
    uses::told,
};
use postern_api::{
    Page,
    workflows::{
        Workflow, WorkflowClone, WorkflowCreate, WorkflowDetail, WorkflowPublish, WorkflowRestore,
        WorkflowTemplate, WorkflowTemplates, WorkflowUpdate, WorkflowVersion,
    },
};
use postern_domain::{
    WorkflowId,
    workflow::{Plan, each_step, templates::TEMPLATES},
};
use postern_store::{
    Cursor, SortDirection, Tx, audit, tx,
    uses::{self, Used, User},
    workflows::{self, Saved, instances},
};

const MAX_MESSAGE: usize = 500;

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
    Ok(created.0)
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
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .write(tx!(tx => {
            let workflow = find(tx, &caller, id, MANAGE).await?;
            check_base(&workflow, request.based_on.as_deref(), "repeat the edit")?;
            let draft = match draft {
                Some(draft) => draft,
                None => Draft::of(&workflow)?,
            };
            let name = request.name.unwrap_or_else(|| workflow.name.clone());
            let description = request.description.unwrap_or_else(|| workflow.description.clone());
            write(tx, &caller, workflow, saved(name, description, draft)?, "workflow_update", now).await
        }))
        .await
}

/// What an old version says becomes the draft.
pub(super) async fn workflow_restore(
    app: &App,
    caller: &Caller,
    id: WorkflowId,
    request: WorkflowRestore,
) -> Result<WorkflowDetail> {
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .write(tx!(tx => {
            let workflow = find(tx, &caller, id, MANAGE).await?;
            let old = version(tx, id, request.version).await?;
            let saved = Saved {
                name: workflow.name.clone(),
                description: workflow.description.clone(),
                draft: old.definition,
                digest: old.digest,
                source: old.source,
            };
            write(tx, &caller, workflow, saved, "workflow_restore", now).await
        }))
        .await
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
    Ok(created.0)
}

/// The draft becomes the version that runs. What it names must be there.
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

pub(super) async fn workflow_publish(
    app: &App,
    caller: &Caller,
    id: WorkflowId,
    request: WorkflowPublish,
    key: Key,
) -> Result<WorkflowDetail> {
    named::check_text("message", &request.message, MAX_MESSAGE)?;
    let (now, author, wanted) = (app.now(), caller.clone(), request.clone());
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
            let before = detail_of(tx, workflow.clone()).await?;
            let used = names::check(tx, &author, &before.draft).await?;
            workflows::publish(tx, &workflow, &wanted.message, &author.actor(), now).await?;
            uses::set(tx, user(id, &workflow.name), &used).await?;
            recorded(tx, &author, id, "workflow_publish", Some(&before), now).await
        }),
    )
    .await?;
    Ok(published.0)
}

const fn user(id: WorkflowId, name: &str) -> User<'_> {
    User {
        kind: "workflow",
        id: id.0,
        name,
    }
}

/// Its ended instances go with it.
pub(super) async fn workflow_delete(app: &App, caller: &Caller, id: WorkflowId) -> Result<()> {
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .write(tx!(tx => {
            let workflow = find(tx, &caller, id, MANAGE).await?;
            let open = instances::open_of(tx, id).await?;
            if open > 0 {
                let detail = format!("Workflow {:?} has {open} instances that have not ended. Cancel them first.", workflow.name);
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
            workflows::delete(tx, id).await?;
            uses::set(tx, user(id, &before.workflow.name), &[]).await?;
            let mut entry = caller.entry(now, "workflow_delete", format!("workflow:{id}"), tenant);
            entry.before = Some(on_record(&before));
            Ok(audit::append(tx, vec![entry]).await?)
        }))
        .await
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
    let problems = match Plan::new(draft.clone()) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    Ok(WorkflowDetail {
        workflow: workflow_of(&row)?,
        draft,
        draft_sha256: row.digest,
        draft_source: row.source,
        draft_problems: problems.0,
        published,
    })
}
