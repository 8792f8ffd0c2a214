//! Saving schedules. What they say is checked as if it ran now, so that a tick seldom finds something wrong.

use postern_api::{
    FieldProblem, Page,
    schedules::{
        CronPreview, CronTicks, Schedule, ScheduleCreate, ScheduleDefinition, ScheduleRun, ScheduleTick,
        ScheduleUpdate, ScheduledWork, TickFate,
    },
    targets::Targets,
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
    tick::{blackout, definition_of, run_now, secrets_of, times_after},
    work::{Work, prepare},
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
        agents::targets::{self as agents_targets, Names},
        identity::places::place_for,
        jobs::{
            run::{Author, digest, secrets_of as given_secrets},
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
    let (now, reach, limit, inner) = (app.now(), caller.reach(VIEW), list.page.limit, app.clone());
    let who = caller.clone();
    let rows = app
        .store
        .scan::<_, Error, _>(tx!(tx => {
            let rows = schedules::list(tx, &reach, list.search.as_deref(), &list.page).await?;
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
            };
            let (saved, used) = draft.check(&inner, tx, &author, None, now).await?;
            let name = saved.name.clone();
            let id = schedules::create(tx, place, saved, &author.actor(), now)
                .await
                .map_err(|error| taken(error, "a schedule", &name))?;
            uses(tx, id, &name, &used).await?;
            let schedule = load(&inner, tx, &author, id, now).await?;
            let mut entry = author.entry(now, "schedule_create", format!("schedule:{id}"), place.tenant);
            entry.after = Some(recorded(&schedule)?);
            audit::append(tx, vec![entry]).await?;
            Ok(schedule)
        }),
    )
    .await?;
    Ok(created.0)
}

/// A change of its name, its description or its pause leaves it whose it was, and asks nothing of what it does: it can
/// be paused when it cannot run.
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
            let before = schedule_of(&inner, tx, &caller, row.clone(), now).await?;
            if request.definition.is_none() && request.secrets.is_none() {
                retold(tx, &caller, row, request, now).await?;
            } else {
                redefined(&inner, tx, &caller, row, request, now).await?;
            }
            let after = load(&inner, tx, &caller, id, now).await?;
            let mut entry = caller.entry(now, "schedule_update", format!("schedule:{id}"), tenant);
            entry.before = Some(recorded(&before)?);
            entry.after = Some(recorded(&after)?);
            audit::append(tx, vec![entry]).await?;
            Ok(after)
        }))
        .await
}

/// What it does stays.
async fn retold(
    tx: &mut Tx<'_>,
    caller: &Caller,
    row: schedules::Schedule,
    request: ScheduleUpdate,
    now: Timestamp,
) -> Result<()> {
    let id = row.id;
    let name = request.name.unwrap_or_else(|| row.name.clone());
    let description = request.description.unwrap_or_else(|| row.description.clone());
    check_text(&name, &description)?;
    let paused = request.paused.unwrap_or(row.paused);
    let (next, waiting) = times_after(tx, &row, &definition_of(&row)?, paused, now).await?;
    let saved = Saved {
        secret: row.secret(),
        name: name.clone(),
        description,
        definition: row.definition,
        calendar: row.calendar_id,
        owner: row.owner_id,
        token: row.token_id,
        paused,
        next,
        waiting,
    };
    save(tx, caller, id, saved, now).await?;
    Ok(uses::renamed(tx, user(id, &name)).await?)
}

/// An action has its own hosts, and so has a workflow where none are named.
fn names_hosts(definition: &ScheduleDefinition) -> bool {
    match definition.work {
        ScheduledWork::Action { .. } => false,
        ScheduledWork::Workflow { .. } => definition.targets != Targets::default(),
        ScheduledWork::Job { .. } | ScheduledWork::Script { .. } => true,
    }
}

async fn hosts_by_id(tx: &mut Tx<'_>, caller: &Caller, definition: &ScheduleDefinition) -> Result<Targets> {
    agents_targets::check(&definition.targets)?;
    let author = Author::new(caller);
    let found = agents_targets::resolve(tx, &author.reach, &author.groups, &definition.targets).await?;
    Ok(found.by_id)
}

async fn redefined(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    row: schedules::Schedule,
    request: ScheduleUpdate,
    now: Timestamp,
) -> Result<()> {
    let id = row.id;
    let known = definition_of(&row)?;
    let mut definition = request.definition.unwrap_or_else(|| known.clone());
    if names_hosts(&definition) {
        definition.targets = hosts_by_id(tx, caller, &definition).await?;
    }
    let secrets = match &request.secrets {
        Some(given) => given_secrets(given),
        None => kept_secrets(app, &row, &known, &definition)?,
    };
    let draft = Draft {
        name: request.name.unwrap_or_else(|| row.name.clone()),
        description: request.description.unwrap_or_else(|| row.description.clone()),
        secrets,
        definition,
        paused: request.paused.unwrap_or(row.paused),
    };
    let (saved, used) = draft.check(app, tx, caller, Some(&row), now).await?;
    let name = saved.name.clone();
    save(tx, caller, id, saved, now).await?;
    uses(tx, id, &name, &used).await
}

async fn save(tx: &mut Tx<'_>, caller: &Caller, id: ScheduleId, saved: Saved, now: Timestamp) -> Result<()> {
    let name = saved.name.clone();
    schedules::update(tx, id, saved, &caller.actor(), now)
        .await
        .map_err(|error| taken(error, "a schedule", &name))
}

/// Whoever changes what is done with secrets, or where, must know them: else anybody who may change the schedule could
/// have them printed.
fn kept_secrets(
    app: &App,
    row: &schedules::Schedule,
    known: &ScheduleDefinition,
    wanted: &ScheduleDefinition,
) -> Result<Secrets> {
    let kept = secrets_of(app, row)?;
    if kept.is_empty() || (known.work == wanted.work && known.targets == wanted.targets) {
        return Ok(kept);
    }
    let again = kept.keys().map(|name| FieldProblem {
        field: format!("secrets.{name}"),
        message: "must be given again: it was given for other work or other hosts".to_owned(),
    });
    Err(Error::Invalid(again.collect()))
}

pub(super) async fn schedule_delete(app: &App, caller: &Caller, id: ScheduleId) -> Result<()> {
    let (now, caller, inner) = (app.now(), caller.clone(), app.clone());
    app.store
        .write(tx!(tx => {
            let row = find(tx, &caller, id, MANAGE).await?;
            let tenant = row.tenant_id;
            let before = schedule_of(&inner, tx, &caller, row, now).await?;
            schedules::delete(tx, id).await?;
            uses(tx, id, &before.name, &[]).await?;
            let mut entry = caller.entry(now, "schedule_delete", format!("schedule:{id}"), tenant);
            entry.before = Some(recorded(&before)?);
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

/// A schedule as it is to be saved.
struct Draft {
    name: String,
    description: String,
    definition: ScheduleDefinition,
    secrets: Secrets,
    paused: bool,
}

fn check_text(name: &str, description: &str) -> Result<()> {
    named::check(name, "schedules")?;
    named::check_text("description", description, MAX_DESCRIPTION)
}

impl Draft {
    /// With the targets as they are kept. `known`: as it is so far.
    async fn check(
        self,
        app: &App,
        tx: &mut Tx<'_>,
        caller: &Caller,
        known: Option<&schedules::Schedule>,
        now: Timestamp,
    ) -> Result<(Saved, Vec<(Used, i64)>)> {
        check_text(&self.name, &self.description)?;
        let definition = &self.definition;
        let cron = cron_of(&definition.cron, &definition.zone, "definition.")?;
        if definition.max_runs == Some(0) {
            return Err(Error::invalid("definition.max_runs", "must be at least 1"));
        }
        let prepared = prepare(app, tx, caller, None, definition, &self.secrets).await?;
        let mut kept = definition.clone();
        let by_id = match prepared {
            Work::Jobs(prepared) => Some(prepared.check_targets(tx, &Author::new(caller)).await?),
            Work::Instance(_) if names_hosts(definition) => Some(hosts_by_id(tx, caller, definition).await?),
            Work::Instance(_) => None,
        };
        if let Some(by_id) = by_id.filter(|_| names_hosts(definition)) {
            kept.targets = by_id;
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
        let (next, waiting) = match known {
            Some(row) => times_after(tx, row, definition, self.paused, now).await?,
            None => {
                let first = schedule::first(&cron, definition.ends_at, definition.max_runs, 0, now);
                (first, None)
            }
        };
        // One that has ended may be changed all the same, and stays at its end.
        let had_ended = known.is_some_and(|row| row.next.is_none());
        let runs = known.map_or(0, |row| row.runs);
        if next.is_none() && !had_ended && definition.max_runs.is_none_or(|most| runs < most) {
            return Err(Error::invalid("definition.ends_at", "is before the first tick"));
        }
        let saved = Saved {
            definition: json(&kept)?,
            name: self.name,
            description: self.description,
            secret: secrets::keep(app, &self.secrets)?,
            calendar,
            owner: caller.user()?.id,
            token: caller.limited,
            paused: self.paused,
            next,
            waiting,
        };
        Ok((saved, uses_of(&kept)))
    }
}

/// What it would miss: agents and groups that it names one by one, and what it runs.
fn uses_of(definition: &ScheduleDefinition) -> Vec<(Used, i64)> {
    let mut used = agents_targets::used(&definition.targets);
    match &definition.work {
        ScheduledWork::Action { action_id, .. } => used.push((Used::Action, action_id.0)),
        ScheduledWork::Script { script_id, .. } => used.push((Used::Script, script_id.0)),
        ScheduledWork::Workflow { workflow_id, .. } => used.push((Used::Workflow, workflow_id.0)),
        ScheduledWork::Job { .. } => {}
    }
    used
}

const fn user(id: ScheduleId, name: &str) -> User<'_> {
    User {
        kind: "schedule",
        id: id.0,
        name,
    }
}

async fn uses(tx: &mut Tx<'_>, id: ScheduleId, name: &str, used: &[(Used, i64)]) -> Result<()> {
    Ok(uses::set(tx, user(id, name), used).await?)
}

/// For the audit trail: what it does is told by its digest there, not by up to a MiB of it.
fn recorded(schedule: &Schedule) -> Result<String> {
    let internal = |error: serde_json::Error| Error::Internal(error.to_string());
    let mut value = serde_json::to_value(schedule).map_err(internal)?;
    let work = value["definition"]["work"].take();
    value["definition"]["work"] = serde_json::json!({
        "kind": work["kind"], "type": work["job"]["type"], "sha256": digest(work.to_string().as_bytes()),
        "script_id": work["script_id"], "version": work["version"], "action_id": work["action_id"],
        "workflow_id": work["workflow_id"],
    });
    Ok(value.to_string())
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

async fn load(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ScheduleId,
    now: Timestamp,
) -> Result<Schedule> {
    let row = schedules::find(tx, id).await?;
    let row = row.ok_or_else(|| Error::not_found("schedule", id))?;
    schedule_of(app, tx, caller, row, now).await
}

async fn schedule_of(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    row: schedules::Schedule,
    now: Timestamp,
) -> Result<Schedule> {
    let mut definition = definition_of(&row)?;
    let seen = caller.reach(Permission::AgentsView);
    let names = Names::of(tx, &seen, &seen, std::iter::once(&definition.targets)).await?;
    definition.targets = names.shown(definition.targets);
    let owner = identity::user_find(tx, row.owner_id).await?;
    let cron = cron_of(&definition.cron, &definition.zone, "definition.")?;
    Ok(Schedule {
        cron_text: cron.describe(),
        secrets: secrets_of(app, &row)?.into_keys().collect(),
        owner: owner.map_or_else(|| format!("user:{}", row.owner_id), |owner| owner.username),
        next_at: row.next.filter(|_| !row.paused),
        waiting_reason: waiting_reason(tx, &row, &definition, now).await?,
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
        last_instance_id: row.last_instance_id,
        created_at: row.created,
        created_by: row.created_by,
        updated_at: row.updated,
        updated_by: row.updated_by,
    })
}

/// What a tick waits for.
async fn waiting_reason(
    tx: &mut Tx<'_>,
    row: &schedules::Schedule,
    definition: &ScheduleDefinition,
    now: Timestamp,
) -> Result<Option<String>> {
    if row.waiting.is_none() {
        return Ok(None);
    }
    let (_, dark) = blackout(tx, row, definition, now).await?;
    Ok(match dark {
        None if row.paused => Some("The schedule is paused".to_owned()),
        None if row.child_open => Some("The run before it is not finished".to_owned()),
        dark => dark,
    })
}
