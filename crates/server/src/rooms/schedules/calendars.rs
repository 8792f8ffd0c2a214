//! Blackout calendars: saved once, used by many schedules and host groups.

use postern_api::{
    Page,
    schedules::{Calendar, CalendarCreate, CalendarUpdate},
};
use postern_domain::{
    CalendarId, Timestamp,
    calendar::{self, Entry},
    permission::Permission,
};
use postern_store::{
    Cursor, SortDirection, Tx, audit,
    jobs::{self, Over},
    schedules::calendars::{self, Saved},
    tx,
};

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
};

const VIEW: Permission = Permission::JobsView;
const MANAGE: Permission = Permission::JobsManage;
const MAX_DESCRIPTION: usize = 2000;

pub(super) async fn calendar_list(app: &App, caller: &Caller, mut list: List) -> Result<Page<Calendar>> {
    list.sort_by(&["name"], SortDirection::Ascending)?;
    if let Some((field, _)) = list.filters.first() {
        return Err(unknown_filter(field, "nothing; use search"));
    }
    let (now, reach, limit) = (app.now(), caller.reach(VIEW), list.page.limit);
    let who = caller.clone();
    let rows = app
        .store
        .scan::<_, Error, _>(tx!(tx => {
            let rows = calendars::list(tx, &reach, list.search.as_deref(), &list.page).await?;
            let mut found = Vec::with_capacity(rows.len());
            for row in rows {
                let users = calendars::used_by(tx, row.id).await?;
                found.push((row, told(&who, &users)));
            }
            Ok(found)
        }))
        .await?;
    page_of(
        rows,
        limit,
        |(row, _)| Cursor {
            key: row.name.clone(),
            id: row.id.0,
        },
        |(row, users)| calendar_of(row, users, now),
    )
}

pub(super) async fn calendar_show(app: &App, caller: &Caller, id: CalendarId) -> Result<Calendar> {
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .read(tx!(tx => {
            find(tx, &caller, id, VIEW).await?;
            load(tx, &caller, id, now).await
        }))
        .await
}

pub(super) async fn calendar_create(
    app: &App,
    caller: &Caller,
    request: CalendarCreate,
    key: Key,
) -> Result<Calendar> {
    let (now, author) = (app.now(), caller.clone());
    let saved = saved_of(
        &request.name,
        &request.description,
        &request.zone,
        &request.entries,
        now,
    )?;
    let lies = (request.organization_id, request.department_id);
    let created = idempotency::create(
        app,
        caller,
        key,
        "calendar_create",
        &request,
        tx!(tx => {
            let place = place_for(tx, &author, lies, MANAGE, VIEW).await?;
            let id = calendars::create(tx, place, &saved, &author.actor(), now)
                .await
                .map_err(|error| taken(error, "a calendar", &saved.name))?;
            let calendar = load(tx, &author, id, now).await?;
            let mut entry = author.entry(now, "calendar_create", format!("calendar:{id}"), place.tenant);
            entry.after = Some(json(&calendar)?);
            audit::append(tx, vec![entry]).await?;
            Ok(calendar)
        }),
    )
    .await?;
    Ok(created.0)
}

pub(super) async fn calendar_update(
    app: &App,
    caller: &Caller,
    id: CalendarId,
    request: CalendarUpdate,
) -> Result<Calendar> {
    let (now, caller) = (app.now(), caller.clone());
    let (calendar, freed) = app
        .store
        .write::<_, Error, _>(tx!(tx => {
            let found = calendars::find_to_change(tx, id).await?;
            let found = allowed(&caller, id, MANAGE, found)?;
            let tenant = found.tenant_id;
            let before = load(tx, &caller, id, now).await?;
            let edited = Edited {
                code: "newer_calendar",
                action: "calendar_update",
                object: format!("calendar:{id}"),
                what: "Calendar",
                name: &found.name,
                sha256: &before.sha256,
            };
            edited.check(tx, request.based_on.as_deref()).await?;
            let saved = saved_of(
                request.name.as_deref().unwrap_or(&before.name),
                request.description.as_deref().unwrap_or(&before.description),
                request.zone.as_deref().unwrap_or(&before.zone),
                request.entries.as_deref().unwrap_or(&before.entries),
                now,
            )?;
            // Jobs that waited for the end of a blackout which there is no more wait for their agents from now on.
            let freed = jobs::blackout_over(tx, Over::Calendar(id), now).await?;
            calendars::update(tx, id, &saved).await.map_err(|error| taken(error, "a calendar", &saved.name))?;
            let after = load(tx, &caller, id, now).await?;
            let mut entry = caller.entry(now, "calendar_update", format!("calendar:{id}"), tenant);
            entry.before = Some(json(&before)?);
            entry.after = Some(json(&after)?);
            audit::append(tx, vec![entry]).await?;
            Ok((after, freed))
        }))
        .await?;
    app.hub.wake(freed);
    Ok(calendar)
}

/// Finds the next blackout of calendars whose last one is over. Jobs that waited for its end wait for their agents from
/// then on.
pub(crate) async fn calendars_advance(app: &App) -> Result<()> {
    let now = app.now();
    let outdated = app
        .store
        .read::<_, Error, _>(tx!(tx => Ok(calendars::outdated(tx, now).await?)))
        .await?;
    // One that fails does not hold up the others.
    let mut failure = None;
    for id in outdated {
        let freed = app
            .store
            .write::<_, Error, _>(tx!(tx => {
                // Whoever has changed it meanwhile has found its next one, by other rules.
                let Some(calendar) = calendars::find_outdated(tx, id, now).await? else {
                    return Ok(Vec::new());
                };
                let next = calendar_rules(&calendar)?.next_blackout(now);
                calendars::blackout_set(tx, id, next).await?;
                // Not from now on: somebody should have looked earlier.
                let end = calendar.dark_until.unwrap_or(now);
                Ok(jobs::blackout_over(tx, Over::Calendar(id), end).await?)
            }))
            .await;
        match freed {
            Ok(freed) => app.hub.wake(freed),
            Err(error) => failure = Some(error),
        }
    }
    failure.map_or(Ok(()), Err)
}

pub(super) async fn calendar_delete(app: &App, caller: &Caller, id: CalendarId) -> Result<()> {
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .write(tx!(tx => {
            let found = calendars::find_to_delete(tx, id).await?;
            let tenant = allowed(&caller, id, MANAGE, found)?.tenant_id;
            let before = load(tx, &caller, id, now).await?;
            if !before.used_by.is_empty() {
                return Err(Error::conflict(
                    "calendar_in_use",
                    format!("Calendar {:?} is used by: {}. Change those first.", before.name, before.used_by.join(", ")),
                ));
            }
            calendars::delete(tx, id).await?;
            let mut entry = caller.entry(now, "calendar_delete", format!("calendar:{id}"), tenant);
            entry.before = Some(json(&before)?);
            Ok(audit::append(tx, vec![entry]).await?)
        }))
        .await
}

pub(super) async fn find(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: CalendarId,
    needed: Permission,
) -> Result<calendars::Calendar> {
    let found = calendars::find(tx, id).await?;
    allowed(caller, id, needed, found)
}

fn allowed(
    caller: &Caller,
    id: CalendarId,
    needed: Permission,
    found: Option<calendars::Calendar>,
) -> Result<calendars::Calendar> {
    let missing = || Error::not_found("calendar", id);
    let calendar = found.ok_or_else(missing)?;
    caller.require(needed, VIEW, calendar.place(), missing)?;
    Ok(calendar)
}

async fn load(tx: &mut Tx<'_>, caller: &Caller, id: CalendarId, now: Timestamp) -> Result<Calendar> {
    let row = calendars::find(tx, id).await?;
    let users = calendars::used_by(tx, id).await?;
    let row = row.ok_or_else(|| Error::not_found("calendar", id))?;
    calendar_of(row, told(caller, &users), now)
}

/// Users by name, as far as the caller may see them; of the others only how many they are.
fn told(caller: &Caller, users: &[calendars::User]) -> Vec<String> {
    let seen = |user: &&calendars::User| {
        let needed = if user.kind == "schedule" {
            VIEW
        } else {
            Permission::AgentsView
        };
        caller.rights.allow(needed, user.place())
    };
    let name = |user: &calendars::User| match user.kind.as_str() {
        "schedule" => user.name.clone(),
        kind => format!("{kind} {}", user.name),
    };
    let mut names: Vec<String> = users.iter().filter(seen).map(name).collect();
    named::and_hidden(&mut names, users.len());
    names
}

fn saved_of(name: &str, description: &str, zone: &str, entries: &[Entry], now: Timestamp) -> Result<Saved> {
    named::check(name, "calendars")?;
    named::check_text("description", description, MAX_DESCRIPTION)?;
    let rules = calendar::Calendar::new(zone, entries).map_err(|error| match error {
        calendar::CalendarError::Zone => Error::invalid("zone", error),
        other => Error::invalid("entries", other),
    })?;
    Ok(Saved {
        name: name.to_owned(),
        description: description.to_owned(),
        zone: zone.to_owned(),
        entries: json(&entries)?,
        blackout: rules.next_blackout(now),
    })
}

fn entries_of(row: &calendars::Calendar) -> Result<Vec<Entry>> {
    serde_json::from_str(&row.entries)
        .map_err(|error| Error::Internal(format!("calendar {} in the database: {error}", row.id)))
}

/// As the rules need it.
pub(super) fn calendar_rules(row: &calendars::Calendar) -> Result<calendar::Calendar> {
    calendar::Calendar::new(&row.zone, &entries_of(row)?)
        .map_err(|error| Error::Internal(format!("calendar {} in the database: {error}", row.id)))
}

/// Of what an edit can change.
fn digest_of(row: &calendars::Calendar) -> Result<String> {
    let said = (&row.name, &row.description, &row.zone, &row.entries);
    Ok(digest(json(&said)?.as_bytes()))
}

fn calendar_of(row: calendars::Calendar, used_by: Vec<String>, now: Timestamp) -> Result<Calendar> {
    Ok(Calendar {
        sha256: digest_of(&row)?,
        blackout_until: calendar_rules(&row)?.blackout_until(now),
        entries: entries_of(&row)?,
        id: row.id,
        name: row.name,
        description: row.description,
        organization_id: row.organization_id,
        department_id: row.department_id,
        zone: row.zone,
        used_by,
        created_at: row.created,
        created_by: row.created_by,
    })
}
