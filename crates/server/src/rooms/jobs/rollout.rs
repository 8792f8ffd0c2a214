//! Moves rolling executions on: begins the next batch, or stops.

use postern_domain::{
    AgentId, ExecutionId, JobId, Timestamp,
    job::Event,
    rollout::{self, Progress, Rolling, Step},
};
use postern_store::{
    Tx,
    jobs::{self, executions},
    tx,
};

use super::transition::apply_by_system;
use crate::{
    app::App,
    error::{Error, Result},
    hub::News,
};

/// Executions read at once.
const AT_ONCE: u32 = 100;
/// Jobs cancelled in one transaction.
const CANCELLED_AT_ONCE: usize = 500;

/// Looks at every execution that has batches to come.
pub(crate) async fn executions_advance(app: &App) -> Result<()> {
    let now = app.now();
    // One that fails does not hold up the others.
    let mut failure = None;
    let mut after = ExecutionId(0);
    loop {
        let open = app
            .store
            .scan::<_, Error, _>(tx!(tx => Ok(executions::open(tx, now, after, AT_ONCE).await?)))
            .await?;
        let Some(last) = open.last().filter(|_| !app.shutdown.is_cancelled()) else {
            return failure.map_or(Ok(()), Err);
        };
        after = *last;
        for id in open {
            let advanced = app.store.write(tx!(tx => advance(tx, id, now).await)).await;
            crate::failpoint::hit("after-execution-advanced");
            match advanced {
                Ok(news) => {
                    for job in news.changed {
                        app.hub.job_changed(job, News::State);
                    }
                    app.hub.wake(news.agents);
                }
                Err(error) => failure = Some(error),
            }
        }
    }
}

#[derive(Default)]
struct Advanced {
    changed: Vec<JobId>,
    agents: Vec<AgentId>,
}

async fn advance(tx: &mut Tx<'_>, id: ExecutionId, now: Timestamp) -> Result<Advanced> {
    let mut news = Advanced::default();
    // Another server may have been here in between.
    let Some(execution) = executions::rolling(tx, id).await? else {
        return Ok(news);
    };
    let rolling: Rolling = serde_json::from_str(&execution.rolling)
        .map_err(|error| Error::Internal(format!("rolling of execution {id}: {error}")))?;
    let tally = executions::tally(tx, id).await?;
    let count = |number: i64| usize::try_from(number).unwrap_or_default();
    let progress = Progress {
        total: count(tally.total),
        failed: count(tally.failed),
        open: count(tally.open),
        held: count(tally.held),
        last_end: tally.last_end,
    };
    let mut next = executions::Advance {
        released: execution.released,
        open: true,
        resume: None,
        stopped: execution.stopped.clone(),
    };
    let step = match &execution.stopped {
        // A retry may bring the failures below the threshold again: what was stopped stays so.
        Some(reason) if progress.held > 0 => Step::Stop(reason.clone()),
        _ => rollout::step(&rolling, progress, now),
    };
    match step {
        Step::Wait => return Ok(news),
        Step::WaitUntil(until) => next.resume = Some(until),
        Step::ReleaseNext => {
            next.released += 1;
            news.agents = executions::release_batch(tx, id, next.released, now).await?;
        }
        Step::Stop(reason) => {
            let unstarted = executions::unstarted(tx, id).await?;
            if unstarted.is_empty() {
                return Ok(news);
            }
            for job in unstarted.into_iter().take(CANCELLED_AT_ONCE) {
                let Some(machine) = jobs::machine(tx, job).await? else {
                    continue;
                };
                let event = Event::Dropped {
                    reason: reason.clone(),
                };
                let change = apply_by_system(tx, &machine, event, now).await?;
                if change.ended().is_some() {
                    news.changed.push(job);
                }
            }
            // It stays open: there may be more of them, and some may still run.
            next.stopped = Some(reason);
        }
        Step::Finished => next.open = false,
    }
    executions::advanced(tx, id, &next).await?;
    Ok(news)
}
