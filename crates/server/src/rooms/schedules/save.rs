//! Saving schedules. What they say is checked as if it ran now, so that a tick seldom finds something wrong.

use postern_api::{
    FieldProblem,
    schedules::{Schedule, ScheduleCreate, ScheduleDefinition, ScheduleUpdate, ScheduledWork},
    targets::Targets,
};
use postern_domain::{ScheduleId, Timestamp, name::MAX_DESCRIPTION, schedule};
use postern_protocol::seal::Secrets;
use postern_store::{
    Tx, audit,
    schedules::{self, Saved},
    tx,
    uses::{self, Used},
};

use super::{
    MANAGE, VIEW, calendars,
    convert::{load, on_record, schedule_of},
    cron::cron_of,
    find,
    tick::{definition_of, secrets_of, times_after},
    uses::{keep_uses, user, uses_of},
    work::{Work, prepare},
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        idempotency::{self, Key},
    },
    named::{self, json, taken},
    newer,
    rooms::{
        agents::targets as agents_targets,
        identity::places::place_for,
        jobs::{run::Author, secrets},
    },
};

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
                secrets: secrets::given(&wanted.secrets),
                definition: wanted.definition,
                paused: wanted.paused.unwrap_or(false),
            };
            let (saved, used) = draft.check(&inner, tx, &author, None, now).await?;
            let name = saved.name.clone();
            let id = schedules::create(tx, place, saved, &author.actor(), now)
                .await
                .map_err(|error| taken(error, "a schedule", &name))?;
            keep_uses(tx, id, &name, &used).await?;
            let schedule = load(&inner, tx, &author, id, now).await?;
            let mut entry = author.entry(now, "schedule_create", format!("schedule:{id}"), place.tenant);
            entry.after = Some(on_record(&schedule)?);
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
            if request.based_on.is_some_and(|edited| edited != row.updated) {
                let (name, who) = (&row.name, &row.updated_by);
                return Err(newer::refused("newer_schedule", "Schedule", name, who));
            }
            let tenant = row.tenant_id;
            let before = schedule_of(&inner, tx, &caller, row.clone(), now).await?;
            if request.definition.is_none() && request.secrets.is_none() {
                retold(tx, &caller, row, request, now).await?;
            } else {
                redefined(&inner, tx, &caller, row, request, now).await?;
            }
            let after = load(&inner, tx, &caller, id, now).await?;
            let mut entry = caller.entry(now, "schedule_update", format!("schedule:{id}"), tenant);
            entry.before = Some(on_record(&before)?);
            entry.after = Some(on_record(&after)?);
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
    let alone = request.name.is_none() && request.description.is_none();
    let resumes = request.paused == Some(false) && (row.paused || alone);
    let name = request.name.unwrap_or_else(|| row.name.clone());
    let description = request.description.unwrap_or_else(|| row.description.clone());
    check_text(&name, &description)?;
    let paused = request.paused.unwrap_or(row.paused);
    let definition = definition_of(&row)?;
    let (next, waiting) = times_after(tx, &row, &definition, paused, now).await?;
    if resumes && next.is_none() && waiting.is_none() {
        return Err(at_its_end(&row, &definition, now));
    }
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

/// Why a schedule does not go on, and what would have to change.
fn at_its_end(row: &schedules::Schedule, definition: &ScheduleDefinition, now: Timestamp) -> Error {
    let why = match (definition.max_runs, definition.ends_at) {
        (Some(most), _) if row.runs >= most => format!("max_runs ({most}) is used up: raise it"),
        (_, Some(end)) if end <= now => format!("ends_at ({end}) is over: set a later one"),
        _ => "no tick is left for it: change cron or ends_at".to_owned(),
    };
    Error::conflict(
        "schedule_ended",
        format!("Schedule {:?} has ended and cannot be resumed: {why}.", row.name),
    )
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
        Some(given) => secrets::given(given),
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
    keep_uses(tx, id, &name, &used).await
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
