//! What the clock does with schedules. The child, the record of the tick and the next tick are written in one
//! transaction, so a tick has exactly one child whatever is killed in between, and however many servers look.

use std::time::Duration;

use postern_api::schedules::{BlackoutTick, ScheduleDefinition, ScheduleRun, TickFate};
use postern_domain::{
    AgentId, ScheduleId, Timestamp,
    permission::Permission,
    schedule::{self, Around, Blackout, Cron, Fate},
};
use postern_protocol::seal::Secrets;
use postern_store::{
    Tx, identity,
    schedules::{self, Moved, Tick, calendars},
    tx,
};

use super::work::{self, Work, prepare};
use crate::{
    app::App,
    error::{Error, Result},
    http::{Caller, caller_of},
    rooms::jobs::{run::Author, secrets},
};

/// Schedules read at once.
const AT_ONCE: u32 = 200;
/// What fails inside the server so often is given up.
const TRIES: u32 = 3;

/// Looks at every schedule with a tick that is due or waits.
pub(crate) async fn schedules_advance(app: &App) -> Result<()> {
    let now = app.now();
    // One that fails does not keep the others from their ticks.
    let mut failure = None;
    let mut after = ScheduleId(0);
    loop {
        let due = app
            .store
            .scan::<_, Error, _>(tx!(tx => Ok(schedules::due(tx, now, after, AT_ONCE).await?)))
            .await?;
        let Some(last) = due.last().filter(|_| !app.shutdown.is_cancelled()) else {
            return failure.map_or(Ok(()), Err);
        };
        after = *last;
        for id in due {
            crate::failpoint::hit("before-schedule-tick");
            let inner = app.clone();
            let advanced = app
                .store
                .write(tx!(tx => advance(&inner, tx, id, now).await))
                .await;
            crate::failpoint::hit("after-schedule-tick");
            match advanced {
                Ok(agents) => {
                    app.hub.wake(agents);
                    app.workflows.notify_one();
                }
                Err(error) => {
                    let counted = count_failure(app, id, &error, now).await;
                    failure = Some(counted.err().unwrap_or(error));
                }
            }
        }
    }
}

/// Agents with new jobs.
async fn advance(app: &App, tx: &mut Tx<'_>, id: ScheduleId, now: Timestamp) -> Result<Vec<AgentId>> {
    let mut agents = Vec::new();
    // Another server has it in hand, or had it a moment ago.
    let Some(row) = schedules::claim(tx, id).await? else {
        return Ok(agents);
    };
    let definition = definition_of(&row)?;
    // After a clock was set back a tick may seem to lie ahead again.
    let rules = rules_of(&row, &definition)?.past(schedules::newest_tick(tx, id).await?);
    let (blackout, reason) = blackout(tx, &row, &definition, now).await?;
    let around = Around {
        child_open: row.child_open,
        blackout,
    };
    let mut moved = Moved {
        runs: row.runs,
        next: rules.next,
        waiting: rules.waiting,
        execution: None,
        instance: None,
    };
    let Some(step) = schedule::step(&rules, around, now) else {
        if rules.next != row.next {
            schedules::moved(tx, id, &moved).await?;
        }
        return Ok(agents);
    };
    (moved.next, moved.waiting) = (step.next, step.waiting);
    for (at, fate) in step.ticks {
        let mut tick = tick(at, word(fate), None, now);
        match fate {
            Fate::Run => {
                let child = run(app, tx, &row, &definition, now).await;
                child_of(child, &mut tick, &mut moved, &mut agents)?;
                if moved.runs == row.runs {
                    (moved.next, moved.waiting) = uncounted(&rules, around, now);
                }
            }
            Fate::Missed(ticks) => {
                tick.ticks = ticks;
                tick.reason = Some("No server was running then".into());
            }
            Fate::SkippedForOverlap => tick.reason = Some("The run before was not finished".into()),
            Fate::SkippedForBlackout => tick.reason.clone_from(&reason),
            Fate::Replaced if step.waiting.is_some() => {
                tick.reason = Some("A later tick waits in its place".into());
            }
            Fate::Replaced => {
                tick.reason = Some("It waited until a later tick was due, which took its place".into());
            }
        }
        schedules::tick_keep(tx, id, &tick).await?;
    }
    crate::failpoint::hit("in-schedule-tick");
    schedules::moved(tx, id, &moved).await?;
    Ok(agents)
}

/// The next tick and the one that waits when no child was made: what was refused is not the last run.
fn uncounted(
    rules: &schedule::Schedule,
    around: Around,
    now: Timestamp,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let open = schedule::Schedule {
        max_runs: None,
        ..rules.clone()
    };
    schedule::step(&open, around, now).map_or((rules.next, rules.waiting), |step| (step.next, step.waiting))
}

fn tick(at: Timestamp, fate: TickFate, reason: Option<String>, now: Timestamp) -> Tick {
    Tick {
        at,
        fate: fate.as_str().to_owned(),
        ticks: 1,
        execution_id: None,
        instance_id: None,
        reason,
        decided: now,
    }
}

/// A database that is away is no fault of the schedule.
async fn count_failure(app: &App, id: ScheduleId, error: &Error, now: Timestamp) -> Result<()> {
    if matches!(error, Error::Store(error) if error.is_transient()) {
        return Ok(());
    }
    tracing::error!(%error, schedule = id.0, "a schedule failed");
    app.store
        .write(tx!(tx => {
            if schedules::failed(tx, id).await? < TRIES {
                return Ok(());
            }
            let Some(row) = schedules::claim(tx, id).await? else { return Ok(()) };
            give_up(tx, &row, now).await
        }))
        .await
}

/// What is due now is left, with a record of it. A schedule of which nothing can be understood has ended.
async fn give_up(tx: &mut Tx<'_>, row: &schedules::Schedule, now: Timestamp) -> Result<()> {
    let due = row.next.filter(|next| *next <= now);
    let Some(at) = due.or(row.waiting) else {
        return Ok(());
    };
    let decided = schedules::newest_tick(tx, row.id).await?;
    let rules = definition_of(row).and_then(|definition| rules_of(row, &definition));
    let after = [now, at].into_iter().chain(decided).max().unwrap_or(now);
    let moved = Moved {
        runs: row.runs,
        next: match (due, rules) {
            (None, Ok(_)) => row.next,
            (Some(_), Ok(rules)) => {
                schedule::first(&rules.cron, rules.ends, rules.max_runs, rules.runs, after)
            }
            (_, Err(_)) => None,
        },
        waiting: row.waiting.filter(|_| due.is_some()),
        execution: None,
        instance: None,
    };
    let reason = format!("The server failed over it {TRIES} times; its log says why");
    let free = schedules::free_moment(tx, row.id, at).await?;
    schedules::tick_keep(tx, row.id, &tick(free, TickFate::Failed, Some(reason), now)).await?;
    Ok(schedules::moved(tx, row.id, &moved).await?)
}

/// When a schedule goes on after a change, and the tick that waits on. What is left for the change is put on record.
pub(super) async fn times_after(
    tx: &mut Tx<'_>,
    row: &schedules::Schedule,
    wanted: &ScheduleDefinition,
    paused: bool,
    now: Timestamp,
) -> Result<(Option<Timestamp>, Option<Timestamp>)> {
    let known = definition_of(row)?;
    let same = known.cron == wanted.cron
        && known.zone == wanted.zone
        && known.ends_at == wanted.ends_at
        && known.max_runs == wanted.max_runs;
    let resumed = row.paused && !paused;
    if same && !resumed {
        return Ok((row.next, row.waiting));
    }
    let mut decided = schedules::newest_tick(tx, row.id).await?;
    // What would have ticked while it was paused is nobody's loss.
    let due = row.next.filter(|next| *next <= now && !row.paused);
    for at in [row.waiting, due].into_iter().flatten() {
        if row.waiting != Some(at) && decided.is_some_and(|decided| at <= decided) {
            continue;
        }
        let reason = "The schedule was changed before it began".to_owned();
        schedules::tick_keep(tx, row.id, &tick(at, TickFate::Replaced, Some(reason), now)).await?;
        decided = decided.max(Some(at));
    }
    let cron =
        Cron::parse(&wanted.cron, &wanted.zone).map_err(|error| Error::invalid("definition.cron", error))?;
    let after = decided.map_or(now, |decided| decided.max(now));
    let next = schedule::first(&cron, wanted.ends_at, wanted.max_runs, row.runs, after);
    Ok((next, None))
}

/// What becomes of the schedule and its tick after jobs were made, or could not be made.
fn child_of(
    child: Result<ScheduleRun>,
    tick: &mut Tick,
    moved: &mut Moved,
    agents: &mut Vec<AgentId>,
) -> Result<()> {
    match child {
        Ok(created) => {
            moved.runs += 1;
            (tick.execution_id, tick.instance_id) = (created.execution_id, created.instance_id);
            (moved.execution, moved.instance) = (created.execution_id, created.instance_id);
            agents.extend(created.jobs.iter().map(|job| job.agent_id));
            Ok(())
        }
        // The database failed: nothing of this is written, and the next round tries again.
        Err(error @ (Error::Store(_) | Error::Internal(_))) => Err(error),
        Err(refused) => {
            tick.fate = TickFate::Failed.as_str().to_owned();
            tick.reason = Some(reason_of(&refused));
            Ok(())
        }
    }
}

fn reason_of(error: &Error) -> String {
    match error {
        Error::Invalid(problems) => problems
            .iter()
            .map(|problem| format!("{}: {}", problem.field, problem.message))
            .collect::<Vec<_>>()
            .join("; "),
        other => other.to_string(),
    }
}

/// On the owner's account, with the rights they have now.
async fn run(
    app: &App,
    tx: &mut Tx<'_>,
    row: &schedules::Schedule,
    definition: &ScheduleDefinition,
    now: Timestamp,
) -> Result<ScheduleRun> {
    let (work, owner) = prepared(app, tx, row, definition, now).await?;
    work.make(app, tx, &owner, row.token_id, now).await
}

async fn prepared(
    app: &App,
    tx: &mut Tx<'_>,
    row: &schedules::Schedule,
    definition: &ScheduleDefinition,
    now: Timestamp,
) -> Result<(Work, Caller)> {
    let owner = owner(tx, row, now).await?;
    let owner = owner.through(format!("schedule:{} ({})", row.id, row.name));
    let secrets = secrets_of(app, row)?;
    let work = prepare(app, tx, &owner, Some(row.id), definition, &secrets).await?;
    Ok((work, owner))
}

/// Whoever saved it, with no more rights than the limited token they saved it with.
async fn owner(tx: &mut Tx<'_>, row: &schedules::Schedule, now: Timestamp) -> Result<Caller> {
    let token = match row.token_id {
        None => None,
        Some(id) => {
            let token = identity::token_find(tx, id).await?;
            let token = token.filter(|token| token.expires > now).ok_or_else(|| {
                Error::conflict(
                    "token_gone",
                    "The limited API token with which the schedule was saved has expired or was revoked. Save it again.",
                )
            })?;
            Some(token)
        }
    };
    caller_of(tx, row.owner_id, token.as_ref()).await?.ok_or_else(|| {
        Error::conflict(
            "owner_gone",
            "The user who saved the schedule is gone or switched off. Save it again as somebody else.",
        )
    })
}

/// One run besides the ticks. Whoever asks for it needs the right on every host themselves: the answer names them, and
/// nobody gets more done by somebody else's account than by their own.
pub(super) async fn run_now(
    app: &App,
    tx: &mut Tx<'_>,
    row: &schedules::Schedule,
    caller: &Caller,
    now: Timestamp,
) -> Result<ScheduleRun> {
    let definition = definition_of(row)?;
    let (work, owner) = prepared(app, tx, row, &definition, now).await?;
    let within = |allowed: bool| {
        if allowed {
            return Ok(());
        }
        Err(Error::ForbiddenBecause {
            code: "hosts_out_of_reach",
            detail: format!(
                "Schedule {:?} runs what you may not run there yourself. Ask somebody who may, or wait for its tick.",
                row.name
            ),
        })
    };
    let created = match work {
        Work::Jobs(prepared) => {
            let author = Author::new(&owner);
            // Those that are looked at are those that get jobs.
            let found = prepared.find(tx, &author).await?;
            let may = |place| caller.rights.allow(Permission::JobsManage, place);
            within(found.places().all(may))?;
            work::made(prepared.create_on(tx, &author, found, None, now).await?)
        }
        Work::Instance(new) => {
            within(caller.rights.allow(Permission::WorkflowsManage, new.place()))?;
            let new = new.triggered_by(caller.user()?.id);
            let work = Work::Instance(Box::new(new));
            work.make(app, tx, &owner, row.token_id, now).await?
        }
    };
    // Never the moment of a tick: those are at whole minutes.
    let moment = if now.as_micros() % 1_000_000 == 0 {
        now.plus(Duration::from_micros(1))
    } else {
        now
    };
    let at = schedules::free_moment(tx, row.id, moment).await?;
    let tick = Tick {
        execution_id: created.execution_id,
        instance_id: created.instance_id,
        ..tick(at, TickFate::RunNow, None, now)
    };
    schedules::tick_keep(tx, row.id, &tick).await?;
    let moved = Moved {
        runs: row.runs,
        next: row.next,
        waiting: row.waiting,
        execution: created.execution_id,
        instance: created.instance_id,
    };
    schedules::moved(tx, row.id, &moved).await?;
    Ok(created)
}

pub(super) fn secrets_of(app: &App, row: &schedules::Schedule) -> Result<Secrets> {
    secrets::open(app, row.secret().as_ref())
}

pub(super) async fn blackout(
    tx: &mut Tx<'_>,
    row: &schedules::Schedule,
    definition: &ScheduleDefinition,
    now: Timestamp,
) -> Result<(Option<Blackout>, Option<String>)> {
    let (Some(id), Some(rule)) = (row.calendar_id, &definition.blackout) else {
        return Ok((None, None));
    };
    let Some(found) = calendars::find(tx, id).await? else {
        return Ok((None, None));
    };
    let until = super::calendars::calendar_rules(&found)?.blackout_until(now);
    let blackout = until.map(|_| match rule.tick {
        BlackoutTick::Wait => Blackout::Wait,
        BlackoutTick::Skip => Blackout::Skip,
    });
    let reason = until.map(|until| format!("Calendar {:?} has a blackout until {until}", found.name));
    Ok((blackout, reason))
}

pub(super) fn definition_of(row: &schedules::Schedule) -> Result<ScheduleDefinition> {
    serde_json::from_str(&row.definition)
        .map_err(|error| Error::Internal(format!("schedule {} in the database: {error}", row.id)))
}

fn rules_of(row: &schedules::Schedule, definition: &ScheduleDefinition) -> Result<schedule::Schedule> {
    let cron = Cron::parse(&definition.cron, &definition.zone)
        .map_err(|error| Error::Internal(format!("schedule {} in the database: {error}", row.id)))?;
    Ok(schedule::Schedule {
        cron,
        missed: definition.missed,
        overlap: definition.overlap,
        ends: definition.ends_at,
        max_runs: definition.max_runs,
        runs: row.runs,
        next: row.next,
        waiting: row.waiting,
    })
}

const fn word(fate: Fate) -> TickFate {
    match fate {
        Fate::Run => TickFate::Ran,
        Fate::Missed(_) => TickFate::Missed,
        Fate::SkippedForOverlap => TickFate::Overlap,
        Fate::SkippedForBlackout => TickFate::Blackout,
        Fate::Replaced => TickFate::Replaced,
    }
}
