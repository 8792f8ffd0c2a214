//! What people read of schedules, running one now, and how one ends.

use postern_api::{
    Page,
    schedules::{Schedule, ScheduleRun, ScheduleTick, TickFate},
};
use postern_domain::ScheduleId;
use postern_store::{Cursor, SortDirection, audit, schedules, tx};

use super::{
    MANAGE, VIEW,
    convert::{on_record, schedule_of},
    find,
    tick::run_now,
    uses::keep_uses,
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        extract::{List, page_of, unknown_filter, words},
        idempotency::{self, Key},
    },
};

pub(super) async fn schedule_list(app: &App, caller: &Caller, mut list: List) -> Result<Page<Schedule>> {
    list.sort_by(&["name"], SortDirection::Ascending)?;
    let mut filter = schedules::Filter {
        search: list.search.clone(),
        ..Default::default()
    };
    for (field, values) in &list.filters {
        match field.as_str() {
            "state" => filter.states = words(field, values, schedules::State::parse)?,
            "kind" => filter.kinds = words(field, values, schedules::Kind::parse)?,
            "name" => filter.names.clone_from(values),
            "owner" => filter.owners.clone_from(values),
            _ => return Err(unknown_filter(field, "state, kind, name, owner")),
        }
    }
    let (now, reach, limit, inner) = (app.now(), caller.reach(VIEW), list.page.limit, app.clone());
    let who = caller.clone();
    let rows = app
        .store
        .scan::<_, Error, _>(tx!(tx => {
            let rows = schedules::list(tx, &reach, &filter, &list.page).await?;
            let mut found = Vec::with_capacity(rows.len());
            for row in rows {
                found.push(schedule_of(&inner, tx, &who, row, now).await?);
            }
            Ok(found)
        }))
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: row.name.clone(),
            id: row.id.0,
        },
        Ok,
    )
}

pub(super) async fn schedule_show(app: &App, caller: &Caller, id: ScheduleId) -> Result<Schedule> {
    let (now, caller, inner) = (app.now(), caller.clone(), app.clone());
    app.store
        .read(tx!(tx => {
            let row = find(tx, &caller, id, VIEW).await?;
            schedule_of(&inner, tx, &caller, row, now).await
        }))
        .await
}

pub(super) async fn schedule_delete(app: &App, caller: &Caller, id: ScheduleId) -> Result<()> {
    let (now, caller, inner) = (app.now(), caller.clone(), app.clone());
    app.store
        .write(tx!(tx => {
            let row = find(tx, &caller, id, MANAGE).await?;
            let tenant = row.tenant_id;
            let before = schedule_of(&inner, tx, &caller, row, now).await?;
            schedules::delete(tx, id).await?;
            keep_uses(tx, id, &before.name, &[]).await?;
            let mut entry = caller.entry(now, "schedule_delete", format!("schedule:{id}"), tenant);
            entry.before = Some(on_record(&before)?);
            Ok(audit::append(tx, vec![entry]).await?)
        }))
        .await
}

/// One run besides the ticks, on the account of the schedule's owner as always.
pub(super) async fn schedule_run(
    app: &App,
    caller: &Caller,
    id: ScheduleId,
    key: Key,
) -> Result<ScheduleRun> {
    let (now, author, inner) = (app.now(), caller.clone(), app.clone());
    let (created, _) = idempotency::create(
        app,
        caller,
        key,
        "schedule_run",
        &id,
        tx!(tx => {
            let row = find(tx, &author, id, MANAGE).await?;
            let created = run_now(&inner, tx, &row, &author, now).await?;
            let mut entry = author.entry(now, "schedule_run", format!("schedule:{id}"), row.tenant_id);
            let after = serde_json::json!({
                "execution": created.execution_id, "hosts": created.jobs.len(), "instance": created.instance_id,
            });
            entry.after = Some(after.to_string());
            audit::append(tx, vec![entry]).await?;
            Ok(created)
        }),
    )
    .await?;
    app.hub.wake(created.jobs.iter().map(|job| job.agent_id));
    app.workflows.notify_one();
    Ok(created)
}

pub(super) async fn schedule_tick_list(
    app: &App,
    caller: &Caller,
    id: ScheduleId,
    mut list: List,
) -> Result<Page<ScheduleTick>> {
    list.sort_by(&["at"], SortDirection::Descending)?;
    if let Some((field, _)) = list.filters.first() {
        return Err(unknown_filter(field, "nothing"));
    }
    let (caller, limit) = (caller.clone(), list.page.limit);
    let rows = app
        .store
        .read::<_, Error, _>(tx!(tx => {
            find(tx, &caller, id, VIEW).await?;
            Ok(schedules::ticks(tx, id, &list.page).await?)
        }))
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: String::new(),
            id: row.at.as_micros(),
        },
        |row| {
            Ok(ScheduleTick {
                at: row.at,
                fate: TickFate::parse(&row.fate).ok_or_else(|| {
                    Error::Internal(format!("a tick's fate {:?} in the database", row.fate))
                })?,
                ticks: row.ticks,
                execution_id: row.execution_id,
                instance_id: row.instance_id,
                reason: row.reason,
                decided_at: row.decided,
            })
        },
    )
}
