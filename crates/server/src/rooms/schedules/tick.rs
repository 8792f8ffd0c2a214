//! What the clock does with schedules. The child, the record of the tick and the next tick are written in one
//! transaction, so a tick has exactly one child whatever is killed in between, and however many servers look.

use postern_api::schedules::{BlackoutTick, ScheduleDefinition, TickFate};
use postern_domain::{
    AgentId, ScheduleId, Timestamp,
    schedule::{self, Around, Blackout, Cron, Fate},
};
use postern_protocol::seal::Secrets;
use postern_store::{
    Tx,
    schedules::{self, Moved, Tick, calendars},
    tx,
};

use super::work::prepare;
use crate::{
    app::App,
    error::{Error, Result},
    http::caller_of,
    rooms::jobs::{run::Author, secrets},
};

/// Schedules looked at in one round.
const ROUND: u32 = 200;

/// Looks at every schedule with a tick that is due or waits.
pub(crate) async fn schedules_advance(app: &App) -> Result<()> {
    let now = app.now();
    let due = app
        .store
        .scan::<_, Error, _>(tx!(tx => Ok(schedules::due(tx, now, ROUND).await?)))
        .await?;
    // One that fails does not keep the others from their ticks.
    let mut failure = None;
    for id in due {
        crate::failpoint::hit("before-schedule-tick");
        let inner = app.clone();
        let advanced = app
            .store
            .write(tx!(tx => advance(&inner, tx, id, now).await))
            .await;
        crate::failpoint::hit("after-schedule-tick");
        match advanced {
            Ok(agents) => app.hub.wake(agents),
            Err(error) => failure = Some(error),
        }
    }
    failure.map_or(Ok(()), Err)
}

/// Agents with new jobs.
async fn advance(app: &App, tx: &mut Tx<'_>, id: ScheduleId, now: Timestamp) -> Result<Vec<AgentId>> {
    let mut agents = Vec::new();
    // Another server has it in hand, or had it a moment ago.
    let Some(row) = schedules::claim(tx, id).await? else {
        return Ok(agents);
    };
    let definition = definition_of(&row)?;
    let rules = rules_of(&row, &definition)?;
    let (blackout, reason) = blackout(tx, &row, &definition, now).await?;
    let around = Around {
        child_open: row.child_open,
        blackout,
    };
    let Some(step) = schedule::step(&rules, around, now) else {
        return Ok(agents);
    };
    let mut moved = Moved {
        runs: row.runs,
        next: step.next,
        waiting: step.waiting,
        execution: None,
    };
    for (at, fate) in step.ticks {
        let mut tick = Tick {
            at,
            fate: word(fate).as_str().to_owned(),
            ticks: 1,
            execution_id: None,
            reason: None,
            decided: now,
        };
        match fate {
            Fate::Run => {
                moved.runs += 1;
                let child = run(app, tx, &row, &definition, now).await;
                child_of(child, &mut tick, &mut moved, &mut agents)?;
            }
            Fate::Missed(ticks) => {
                tick.ticks = ticks;
                tick.reason = Some("No server was running then".into());
            }
            Fate::SkippedForOverlap => tick.reason = Some("The run before was not finished".into()),
            Fate::SkippedForBlackout => tick.reason.clone_from(&reason),
            Fate::Replaced => tick.reason = Some("A later tick waits in its place".into()),
        }
        schedules::tick_keep(tx, id, &tick).await?;
    }
    schedules::moved(tx, id, &moved).await?;
    Ok(agents)
}

/// What becomes of the schedule and its tick after jobs were made, or could not be made.
fn child_of(
    child: Result<postern_api::jobs::JobsCreated>,
    tick: &mut Tick,
    moved: &mut Moved,
    agents: &mut Vec<AgentId>,
) -> Result<()> {
    match child {
        Ok(created) => {
            tick.execution_id = Some(created.execution_id);
            moved.execution = Some(created.execution_id);
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
) -> Result<postern_api::jobs::JobsCreated> {
    let owner = caller_of(tx, row.owner_id).await?.ok_or_else(|| {
        Error::conflict(
            "owner_gone",
            "The user who saved the schedule is gone or switched off. Save it again as somebody else.",
        )
    })?;
    let owner = owner.through(format!("schedule:{} ({})", row.id, row.name));
    let secrets = secrets_of(app, row)?;
    let prepared = prepare(app, tx, &owner, Some(row.id), definition, &secrets).await?;
    prepared.create(tx, &Author::new(&owner), None, now).await
}

/// One run besides the ticks.
pub(super) async fn run_now(
    app: &App,
    tx: &mut Tx<'_>,
    row: &schedules::Schedule,
    now: Timestamp,
) -> Result<postern_api::jobs::JobsCreated> {
    let definition = definition_of(row)?;
    let created = run(app, tx, row, &definition, now).await?;
    let tick = Tick {
        at: now,
        fate: TickFate::RunNow.as_str().to_owned(),
        ticks: 1,
        execution_id: Some(created.execution_id),
        reason: None,
        decided: now,
    };
    schedules::tick_keep(tx, row.id, &tick).await?;
    let moved = Moved {
        runs: row.runs,
        next: row.next,
        waiting: row.waiting,
        execution: Some(created.execution_id),
    };
    schedules::moved(tx, row.id, &moved).await?;
    Ok(created)
}

pub(super) fn secrets_of(app: &App, row: &schedules::Schedule) -> Result<Secrets> {
    secrets::open(app, row.secret().as_ref())
}

async fn blackout(
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
