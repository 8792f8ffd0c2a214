//! What people read of workflows, and how one ends.

use postern_api::{
    Page,
    workflows::{Workflow, WorkflowDetail, WorkflowTemplate, WorkflowTemplates, WorkflowVersion},
};
use postern_domain::{InstanceId, WorkflowId, workflow::templates::TEMPLATES};
use postern_store::{
    Cursor, SortDirection, audit, tx,
    uses::{self, Used},
    workflows::{self, instances},
};

use super::{
    MANAGE, VIEW,
    convert::{detail_of, version_of, workflow_of},
    find, find_to_delete, find_version,
    record::{on_record, user},
    save::doubted,
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        extract::{List, page_of, unknown_filter},
    },
    uses::told,
};

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
    let reader = caller.clone();
    let (shown, author) = app
        .store
        .read::<_, Error, _>(tx!(tx => {
            let workflow = find(tx, &reader, id, VIEW).await?;
            let author = reader.rights.allow(MANAGE, workflow.place());
            Ok((detail_of(tx, workflow).await?, author))
        }))
        .await?;
    // What it names is looked at for whoever could change it.
    match author {
        true => Ok(doubted(app, caller, shown).await),
        false => Ok(shown),
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
            version_of(find_version(tx, id, number).await?)
        }))
        .await
}
