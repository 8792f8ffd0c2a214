//! Saving schedules. What they say is checked as if it ran now, so that a tick seldom finds something wrong.

use postern_api::{
    Page,
    jobs::JobsCreated,
    schedules::{
        CronPreview, CronTicks, Schedule, ScheduleCreate, ScheduleDefinition, ScheduleTick, ScheduleUpdate,
        ScheduledWork, TickFate,
    },
};
use postern_domain::{
    ScheduleId, Timestamp,
    permission::Permission,
    schedule::{self, Cron},
};
use postern_protocol::seal::Secrets;
use postern_store::{
    Cursor, SortDirection, Tx, audit, identity,
    schedules::{self, Saved},
    tx,
    uses::{self, Used, User},
};

use super::{
    calendars,
    tick::{definition_of, run_now, secrets_of},
    work::{check_parameters, prepare},
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
    rooms::{
        identity::places::place_for,
        jobs::{
            run::{Author, secrets_of as given_secrets},
            secrets,
        },
    },
};

const VIEW: Permission = Permission::JobsView;
const MANAGE: Permission = Permission::JobsManage;
const MAX_DESCRIPTION: usize = 10_000;
/// Ticks of a preview.
const PREVIEW: usize = 5;

pub(super) fn cron_preview(app: &App, request: &CronPreview) -> Result<CronTicks> {
    let cron = cron_of(&request.cron, &request.zone, "")?;
    Ok(CronTicks {
        text: cron.describe(),
        ticks: cron.preview(app.now(), PREVIEW),
    })
}

fn cron_of(expression: &str, zone: &str, prefix: &str) -> Result<Cron> {
    Cron::parse(expression, zone).map_err(|error| {
        let field = match error {
            schedule::CronError::Zone => "zone",
            _ => "cron",
        };
        Error::invalid(format!("{prefix}{field}"), error)
    })
}

pub(super) async fn schedule_list(app: &App, caller: &Caller, mut list: List) -> Result<Page<Schedule>> {
    list.sort_by(&["name"], SortDirection::Ascending)?;
    if let Some((field, _)) = list.filters.first() {
        return Err(unknown_filter(field, "nothing; use search"));
    }
    let (reach, limit, inner) = (caller.reach(VIEW), list.page.limit, app.clone());
    let rows = app
        .store
        .scan::<_, Error, _>(tx!(tx => {
            let rows = schedules::list(tx, &reach, list.search.as_deref(), &list.page).await?;
            let mut found = Vec::with_capacity(rows.len());
            for row in rows {
                found.push(schedule_of(&inner, tx, row).await?);
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
    let (caller, inner) = (caller.clone(), app.clone());
    app.store
        .read(tx!(tx => {
            let row = find(tx, &caller, id, VIEW).await?;
            schedule_of(&inner, tx, row).await
        }))
        .await
}

pub(super) async fn schedule_create(
    app: &App,
    caller: &Caller,
    request: ScheduleCreate,
    key: Key,
) -> Result<Schedule> {
    let (now, author, inner, wanted) = (app.now(), caller.clone(), app.clone(), request.clone());
    let created = idempotency::create(
        app,
        caller,
        key,
        "schedule_create",
        &request,
        tx!(tx => {
            let lies = (wanted.organization_id, wanted.department_id);
            let place = place_for(tx, &author, lies, MANAGE, VIEW).await?;
            let draft = Draft {
                name: wanted.name,
                description: wanted.description,
                secrets: given_secrets(&wanted.secrets),
                definition: wanted.definition,
                paused: wanted.paused,
                runs: 0,
            };
            let (saved, named) = draft.check(&inner, tx, &author, now).await?;
            let name = saved.name.clone();
            let id = schedules::create(tx, place, saved, &author.actor(), now)
                .await
                .map_err(|error| taken(error, "a schedule", &name))?;
            uses(tx, id, &name, &named).await?;
            let schedule = load(&inner, tx, id).await?;
            let mut entry = author.entry(now, "schedule_create", format!("schedule:{id}"), place.tenant);
            entry.after = Some(json(&schedule)?);
            audit::append(tx, vec![entry]).await?;
            Ok(schedule)
        }),
    )
    .await?;
    Ok(created.0)
}

pub(super) async fn schedule_update(
    app: &App,
    caller: &Caller,
    id: ScheduleId,
    request: ScheduleUpdate,
) -> Result<Schedule> {
    let (now, caller, inner) = (app.now(), caller.clone(), app.clone());
    app.store
        .write(tx!(tx => {
            let row = find(tx, &caller, id, MANAGE).await?;
            let tenant = row.tenant_id;
            let secrets = match &request.secrets {
                Some(given) => given_secrets(given),
                None => secrets_of(&inner, &row)?,
            };
            let draft = Draft {
                name: request.name.unwrap_or_else(|| row.name.clone()),
                description: request.description.unwrap_or_else(|| row.description.clone()),
                secrets,
                definition: match request.definition {
                    Some(definition) => definition,
                    None => definition_of(&row)?,
                },
                paused: request.paused.unwrap_or(row.paused),
                runs: row.runs,
            };
            let before = schedule_of(&inner, tx, row).await?;
            let (saved, named) = draft.check(&inner, tx, &caller, now).await?;
            let name = saved.name.clone();
            schedules::update(tx, id, saved, &caller.actor(), now)
                .await
                .map_err(|error| taken(error, "a schedule", &name))?;
            uses(tx, id, &name, &named).await?;
            let after = load(&inner, tx, id).await?;
            let mut entry = caller.entry(now, "schedule_update", format!("schedule:{id}"), tenant);
            entry.before = Some(json(&before)?);
            entry.after = Some(json(&after)?);
            audit::append(tx, vec![entry]).await?;
            Ok(after)
        }))
        .await
}

pub(super) async fn schedule_delete(app: &App, caller: &Caller, id: ScheduleId) -> Result<()> {
    let (now, caller, inner) = (app.now(), caller.clone(), app.clone());
    app.store
        .write(tx!(tx => {
            let row = find(tx, &caller, id, MANAGE).await?;
            let tenant = row.tenant_id;
            let before = schedule_of(&inner, tx, row).await?;
            schedules::delete(tx, id).await?;
            uses(tx, id, &before.name, &[]).await?;
            let mut entry = caller.entry(now, "schedule_delete", format!("schedule:{id}"), tenant);
            entry.before = Some(json(&before)?);
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
) -> Result<JobsCreated> {
    let (now, author, inner) = (app.now(), caller.clone(), app.clone());
    let (created, _) = idempotency::create(
        app,
        caller,
        key,
        "schedule_run",
        &id,
        tx!(tx => {
            let row = find(tx, &author, id, MANAGE).await?;
            let created = run_now(&inner, tx, &row, now).await?;
            let mut entry = author.entry(now, "schedule_run", format!("schedule:{id}"), row.tenant_id);
            let after = serde_json::json!({"execution": created.execution_id, "hosts": created.jobs.len()});
            entry.after = Some(after.to_string());
            audit::append(tx, vec![entry]).await?;
            Ok(created)
        }),
    )
    .await?;
    app.hub.wake(created.jobs.iter().map(|job| job.agent_id));
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
                reason: row.reason,
                decided_at: row.decided,
            })
        },
    )
}

/// A schedule as it is to be saved.
struct Draft {
    name: String,
    description: String,
    definition: ScheduleDefinition,
    secrets: Secrets,
    paused: bool,
    runs: u32,
}

impl Draft {
    /// With what it uses: agents it names one by one, and what it runs.
    async fn check(
        self,
        app: &App,
        tx: &mut Tx<'_>,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<(Saved, Vec<(Used, i64)>)> {
        named::check(&self.name, "schedules")?;
        named::check_text("description", &self.description, MAX_DESCRIPTION)?;
        let definition = &self.definition;
        let cron = cron_of(&definition.cron, &definition.zone, "definition.")?;
        if definition.max_runs == Some(0) {
            return Err(Error::invalid("definition.max_runs", "must be at least 1"));
        }
        check_parameters(app, tx, caller, definition).await?;
        let prepared = prepare(app, tx, caller, None, definition, &self.secrets).await?;
        let named = prepared.check_targets(tx, &Author::new(caller)).await?;
        let mut used: Vec<(Used, i64)> = match &definition.work {
            ScheduledWork::Action { action_id, .. } => vec![(Used::Action, action_id.0)],
            ScheduledWork::Script { script_id, .. } => vec![(Used::Script, script_id.0)],
            ScheduledWork::Job { .. } => Vec::new(),
        };
        // The hosts of an action are the action's.
        if !matches!(definition.work, ScheduledWork::Action { .. }) {
            used.extend(named.into_iter().map(|id| (Used::Agent, id.0)));
        }
        let calendar = match &definition.blackout {
            Some(rule) => {
                let found = calendars::find(tx, caller, rule.calendar_id, VIEW).await;
                let field = "definition.blackout.calendar_id";
                Some(
                    found
                        .map_err(|_| Error::invalid(field, "there is no such calendar that you may see"))?
                        .id,
                )
            }
            None => None,
        };
        let next = schedule::first(&cron, definition.ends_at, definition.max_runs, self.runs, now);
        if next.is_none() && definition.max_runs.is_none_or(|most| self.runs < most) {
            return Err(Error::invalid("definition.ends_at", "is before the first tick"));
        }
        let saved = Saved {
            definition: json(definition)?,
            name: self.name,
            description: self.description,
            secret: secrets::keep(app, &self.secrets)?,
            calendar,
            owner: caller.user()?.id,
            paused: self.paused,
            next,
        };
        Ok((saved, used))
    }
}

async fn uses(tx: &mut Tx<'_>, id: ScheduleId, name: &str, used: &[(Used, i64)]) -> Result<()> {
    let user = User {
        kind: "schedule",
        id: id.0,
        name,
    };
    Ok(uses::set(tx, user, used).await?)
}

async fn find(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ScheduleId,
    needed: Permission,
) -> Result<schedules::Schedule> {
    let missing = || Error::not_found("schedule", id);
    let row = schedules::find(tx, id).await?.ok_or_else(missing)?;
    caller.require(needed, VIEW, row.place(), missing)?;
    Ok(row)
}

async fn load(app: &App, tx: &mut Tx<'_>, id: ScheduleId) -> Result<Schedule> {
    let row = schedules::find(tx, id).await?;
    schedule_of(app, tx, row.ok_or_else(|| Error::not_found("schedule", id))?).await
}

async fn schedule_of(app: &App, tx: &mut Tx<'_>, row: schedules::Schedule) -> Result<Schedule> {
    let definition = definition_of(&row)?;
    let owner = identity::user_find(tx, row.owner_id).await?;
    let cron = cron_of(&definition.cron, &definition.zone, "definition.")?;
    Ok(Schedule {
        cron_text: cron.describe(),
        secrets: secrets_of(app, &row)?.into_keys().collect(),
        owner: owner.map_or_else(|| format!("user:{}", row.owner_id), |owner| owner.username),
        next_at: row.next.filter(|_| !row.paused),
        definition,
        id: row.id,
        name: row.name,
        description: row.description,
        organization_id: row.organization_id,
        department_id: row.department_id,
        paused: row.paused,
        runs: row.runs,
        waiting: row.waiting,
        last_execution_id: row.last_execution_id,
        created_at: row.created,
        created_by: row.created_by,
        updated_at: row.updated,
        updated_by: row.updated_by,
    })
}
