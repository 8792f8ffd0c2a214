//! Saved groups of hosts: a name for a choice of targets. Whom it means is looked up when it is used.

use postern_api::{
    Page,
    groups::{Group, GroupCreate, GroupUpdate},
    targets::Targets,
};
use postern_domain::{GroupId, permission::Permission};
use postern_store::{
    Cursor, SortDirection, Tx,
    agents::groups::{self, GroupText},
    audit, tx,
};

use super::targets;
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
};

const VIEW: Permission = Permission::AgentsView;
const MANAGE: Permission = Permission::AgentsManage;
const MAX_DESCRIPTION: usize = 2000;

pub(super) async fn group_list(app: &App, caller: &Caller, mut list: List) -> Result<Page<Group>> {
    list.sort_by(&["name"], SortDirection::Ascending)?;
    if let Some((field, _)) = list.filters.first() {
        return Err(unknown_filter(field, "nothing; use search"));
    }
    let reach = caller.reach(VIEW);
    let limit = list.page.limit;
    let rows = app
        .store
        .scan::<_, Error, _>(
            tx!(tx => Ok(groups::list(tx, &reach, list.search.as_deref(), &list.page).await?)),
        )
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: row.name.clone(),
            id: row.id.0,
        },
        group_of,
    )
}

pub(super) async fn group_show(app: &App, caller: &Caller, id: GroupId) -> Result<Group> {
    let caller = caller.clone();
    app.store
        .read(tx!(tx => group_of(find(tx, &caller, id, VIEW).await?)))
        .await
}

pub(super) async fn group_create(
    app: &App,
    caller: &Caller,
    request: GroupCreate,
    key: Key,
) -> Result<Group> {
    let text = text_of(&request.name, &request.description, &request.targets)?;
    let (now, author) = (app.now(), caller.clone());
    let lies = (request.organization_id, request.department_id);
    let created = idempotency::create(
        app,
        caller,
        key,
        "group_create",
        &request,
        tx!(tx => {
            let place = place_for(tx, &author, lies, MANAGE, VIEW).await?;
            let id = groups::create(tx, place, &text, &author.actor(), now)
                .await
                .map_err(|error| taken(error, "a host group", &text.name))?;
            let group = load(tx, id).await?;
            let mut entry = author.entry(now, "group_create", format!("group:{id}"), place.tenant);
            entry.after = Some(json(&group)?);
            audit::append(tx, vec![entry]).await?;
            Ok(group)
        }),
    )
    .await?;
    Ok(created.0)
}

pub(super) async fn group_update(
    app: &App,
    caller: &Caller,
    id: GroupId,
    request: GroupUpdate,
) -> Result<Group> {
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .write(tx!(tx => {
            let found = find(tx, &caller, id, MANAGE).await?;
            let tenant = found.tenant_id;
            let before = group_of(found)?;
            let text = text_of(
                request.name.as_deref().unwrap_or(&before.name),
                request.description.as_deref().unwrap_or(&before.description),
                request.targets.as_ref().unwrap_or(&before.targets),
            )?;
            groups::update(tx, id, &text).await.map_err(|error| taken(error, "a host group", &text.name))?;
            let after = load(tx, id).await?;
            let mut entry = caller.entry(now, "group_update", format!("group:{id}"), tenant);
            entry.before = Some(json(&before)?);
            entry.after = Some(json(&after)?);
            audit::append(tx, vec![entry]).await?;
            Ok(after)
        }))
        .await
}

pub(super) async fn group_delete(app: &App, caller: &Caller, id: GroupId) -> Result<()> {
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .write(tx!(tx => {
            let found = find(tx, &caller, id, MANAGE).await?;
            let tenant = found.tenant_id;
            groups::delete(tx, id).await?;
            let mut entry = caller.entry(now, "group_delete", format!("group:{id}"), tenant);
            entry.before = Some(json(&group_of(found)?)?);
            Ok(audit::append(tx, vec![entry]).await?)
        }))
        .await
}

async fn find(tx: &mut Tx<'_>, caller: &Caller, id: GroupId, needed: Permission) -> Result<groups::Group> {
    let missing = || Error::not_found("host group", id);
    let group = groups::find(tx, id).await?.ok_or_else(missing)?;
    caller.require(needed, VIEW, group.place(), missing)?;
    Ok(group)
}

async fn load(tx: &mut Tx<'_>, id: GroupId) -> Result<Group> {
    let group = groups::find(tx, id).await?;
    group_of(group.ok_or_else(|| Error::not_found("host group", id))?)
}

fn text_of(name: &str, description: &str, wanted: &Targets) -> Result<GroupText> {
    named::check(name, "groups")?;
    named::check_text("description", description, MAX_DESCRIPTION)?;
    targets::check(wanted)?;
    if !wanted.groups.is_empty() {
        let message = "has groups in it: give the hosts of this group themselves";
        return Err(Error::invalid("targets.groups", message));
    }
    Ok(GroupText {
        name: name.to_owned(),
        description: description.to_owned(),
        targets: json(wanted)?,
    })
}

fn group_of(row: groups::Group) -> Result<Group> {
    Ok(Group {
        targets: serde_json::from_str(&row.targets)
            .map_err(|error| Error::Internal(format!("targets of group {}: {error}", row.id)))?,
        id: row.id,
        name: row.name,
        description: row.description,
        organization_id: row.organization_id,
        department_id: row.department_id,
        created_at: row.created,
        created_by: row.created_by,
    })
}
