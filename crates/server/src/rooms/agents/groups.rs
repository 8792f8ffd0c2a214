//! Saved groups of hosts: a name for a choice of targets. Whom it means is looked up when it is used.

use postern_api::{
    Page,
    groups::{BlackoutJobs, Group, GroupBlackout, GroupCreate, GroupUpdate},
    targets::Targets,
};
use postern_domain::{CalendarId, GroupId, TenantId, permission::Permission};
use postern_store::{
    Cursor, SortDirection, Tx,
    agents::groups::{self, GroupText},
    audit,
    jobs::{self, Over},
    schedules::calendars,
    tx,
    uses::{self, Used, User},
};

use super::targets::{self, Names};
use crate::{
    app::App,
    digest::digest,
    error::{Error, Result},
    http::{
        Caller,
        extract::{List, page_of, unknown_filter},
        idempotency::{self, Key},
    },
    named::{self, json, taken},
    newer::Edited,
    rooms::identity::places::place_for,
    uses::told,
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
    let (rows, names) = app
        .store
        .scan::<_, Error, _>(tx!(tx => {
            let rows = groups::list(tx, &reach, list.search.as_deref(), &list.page).await?;
            let targets = rows.iter().map(targets_of).collect::<Result<Vec<_>>>()?;
            let names = Names::of(tx, &reach, &reach, targets.iter()).await?;
            Ok((rows, names))
        }))
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: row.name.clone(),
            id: row.id.0,
        },
        |row| group_of(row, &names),
    )
}

pub(super) async fn group_show(app: &App, caller: &Caller, id: GroupId) -> Result<Group> {
    let caller = caller.clone();
    app.store
        .read(tx!(tx => {
            let group = find(tx, &caller, id, VIEW).await?;
            shown(tx, &caller, group).await
        }))
        .await
}

pub(super) async fn group_create(
    app: &App,
    caller: &Caller,
    request: GroupCreate,
    key: Key,
) -> Result<Group> {
    let mut text = text_of(&request.name, &request.description, &request.targets)?;
    let (now, author, blackout) = (app.now(), caller.clone(), request.blackout.clone());
    let wanted = request.targets.clone();
    let lies = (request.organization_id, request.department_id);
    let created = idempotency::create(
        app,
        caller,
        key,
        "group_create",
        &request,
        tx!(tx => {
            let place = place_for(tx, &author, lies, MANAGE, VIEW).await?;
            text.blackout = blackout_of(tx, &author, place.tenant, blackout).await?;
            let targets = targets::by_id(tx, &author.reach(VIEW), &wanted).await?;
            text.targets = json(&targets)?;
            let id = groups::create(tx, place, &text, &author.actor(), now)
                .await
                .map_err(|error| taken(error, "a host group", &text.name))?;
            uses::set(tx, user(id, &text.name), &targets::used(&targets)).await?;
            let group = load(tx, &author, id).await?;
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
    let (group, freed) = app
        .store
        .write::<_, Error, _>(tx!(tx => {
            let found = find(tx, &caller, id, MANAGE).await?;
            let sha256 = digest_of(&found)?;
            let edited = Edited {
                code: "newer_group",
                action: "group_update",
                object: format!("group:{id}"),
                what: "Host group",
                name: &found.name,
                sha256: &sha256,
            };
            edited.check(tx, request.based_on.as_deref()).await?;
            let tenant = found.tenant_id;
            let kept = targets_of(&found)?;
            let before = shown(tx, &caller, found).await?;
            let mut freed = Vec::new();
            let mut text = text_of(
                request.name.as_deref().unwrap_or(&before.name),
                request.description.as_deref().unwrap_or(&before.description),
                request.targets.as_ref().unwrap_or(&kept),
            )?;
            // What stays needs no new right to its agents.
            let targets = match &request.targets {
                Some(wanted) => targets::by_id(tx, &caller.reach(VIEW), wanted).await?,
                None => kept,
            };
            text.targets = json(&targets)?;
            let wanted = request.blackout.or_else(|| before.blackout.clone());
            // What stays needs no new right to the calendar.
            text.blackout = if wanted == before.blackout {
                stays(wanted)
            } else {
                // Jobs that waited for its end wait for their agents from now on.
                freed = jobs::blackout_over(tx, Over::Group(id), now).await?;
                blackout_of(tx, &caller, tenant, wanted).await?
            };
            groups::update(tx, id, &text).await.map_err(|error| taken(error, "a host group", &text.name))?;
            uses::set(tx, user(id, &text.name), &targets::used(&targets)).await?;
            let after = load(tx, &caller, id).await?;
            let mut entry = caller.entry(now, "group_update", format!("group:{id}"), tenant);
            entry.before = Some(json(&before)?);
            entry.after = Some(json(&after)?);
            audit::append(tx, vec![entry]).await?;
            Ok((after, freed))
        }))
        .await?;
    app.hub.wake(freed);
    Ok(group)
}

/// The calendar must be one that the caller may see, of the group's tenant. Calendar 0: none.
async fn blackout_of(
    tx: &mut Tx<'_>,
    caller: &Caller,
    tenant: TenantId,
    wanted: Option<GroupBlackout>,
) -> Result<Option<(CalendarId, &'static str)>> {
    let Some(wanted) = wanted.filter(|wanted| wanted.calendar_id.0 != 0) else {
        return Ok(None);
    };
    let id = wanted.calendar_id;
    let calendar = calendars::find(tx, id).await?;
    let seen = calendar.is_some_and(|calendar| {
        calendar.tenant_id == tenant && caller.rights.allow(Permission::JobsView, calendar.place())
    });
    if !seen {
        let message = "there is no such calendar that you may see";
        return Err(Error::invalid("blackout.calendar_id", message));
    }
    Ok(stays(Some(wanted)))
}

fn stays(blackout: Option<GroupBlackout>) -> Option<(CalendarId, &'static str)> {
    blackout.map(|blackout| (blackout.calendar_id, blackout.jobs.as_str()))
}

pub(super) async fn group_delete(app: &App, caller: &Caller, id: GroupId) -> Result<()> {
    let (now, caller) = (app.now(), caller.clone());
    let freed = app
        .store
        .write::<_, Error, _>(tx!(tx => {
            let found = groups::find_to_delete(tx, id).await?;
            let found = allowed(&caller, found, id, MANAGE)?;
            let tenant = found.tenant_id;
            let before = shown(tx, &caller, found).await?;
            let users = uses::of(tx, Used::Group, id.0).await?;
            if !users.is_empty() {
                return Err(Error::conflict(
                    "group_in_use",
                    format!(
                        "Host group {:?} is named by: {}. Change or delete those first.",
                        before.name,
                        told(&caller, &users)
                    ),
                ));
            }
            let freed = jobs::blackout_over(tx, Over::Group(id), now).await?;
            uses::set(tx, user(id, &before.name), &[]).await?;
            groups::delete(tx, id).await?;
            let mut entry = caller.entry(now, "group_delete", format!("group:{id}"), tenant);
            entry.before = Some(json(&before)?);
            audit::append(tx, vec![entry]).await?;
            Ok(freed)
        }))
        .await?;
    app.hub.wake(freed);
    Ok(())
}

async fn find(tx: &mut Tx<'_>, caller: &Caller, id: GroupId, needed: Permission) -> Result<groups::Group> {
    let found = groups::find(tx, id).await?;
    allowed(caller, found, id, needed)
}

fn allowed(
    caller: &Caller,
    found: Option<groups::Group>,
    id: GroupId,
    needed: Permission,
) -> Result<groups::Group> {
    let missing = || Error::not_found("host group", id);
    let group = found.ok_or_else(missing)?;
    caller.require(needed, VIEW, group.place(), missing)?;
    Ok(group)
}

async fn load(tx: &mut Tx<'_>, caller: &Caller, id: GroupId) -> Result<Group> {
    let group = groups::find(tx, id).await?;
    let group = group.ok_or_else(|| Error::not_found("host group", id))?;
    shown(tx, caller, group).await
}

/// With names for the agents that the caller may see.
async fn shown(tx: &mut Tx<'_>, caller: &Caller, group: groups::Group) -> Result<Group> {
    let reach = caller.reach(VIEW);
    let targets = targets_of(&group)?;
    let names = Names::of(tx, &reach, &reach, std::iter::once(&targets)).await?;
    group_of(group, &names)
}

fn targets_of(group: &groups::Group) -> Result<Targets> {
    serde_json::from_str(&group.targets)
        .map_err(|error| Error::Internal(format!("targets of group {}: {error}", group.id)))
}

const fn user(id: GroupId, name: &str) -> User<'_> {
    User {
        kind: "group",
        id: id.0,
        name,
    }
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
        blackout: None,
    })
}

/// Of what an edit can change, as it is kept: a new name of an agent changes nothing.
fn digest_of(row: &groups::Group) -> Result<String> {
    let said = (
        &row.name,
        &row.description,
        &row.targets,
        row.calendar_id,
        &row.blackout_jobs,
    );
    Ok(digest(json(&said)?.as_bytes()))
}

fn group_of(row: groups::Group, names: &Names) -> Result<Group> {
    let sha256 = digest_of(&row)?;
    let targets = names.shown(targets_of(&row)?);
    let blackout = match row.calendar_id.zip(row.blackout_jobs) {
        None => None,
        Some((calendar_id, jobs)) => Some(GroupBlackout {
            calendar_id,
            jobs: BlackoutJobs::parse(&jobs)
                .ok_or_else(|| Error::Internal(format!("blackout of group {}: {jobs:?}", row.id)))?,
        }),
    };
    Ok(Group {
        blackout,
        targets,
        sha256,
        id: row.id,
        name: row.name,
        description: row.description,
        organization_id: row.organization_id,
        department_id: row.department_id,
        created_at: row.created,
        created_by: row.created_by,
    })
}
