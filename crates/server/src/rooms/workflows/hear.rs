//! Does what an item of work asks for: news and the clock become events, the engine says what follows, and all of it is
//! written together.
//!
//! News are rows of the outbox. One is taken away in the transaction that does what it asks for, so a server that is
//! killed at any moment leaves either the news or all that follows from it.

use futures_util::future::BoxFuture;
use postern_api::workflows::{CauseKind, EventCause};
use postern_domain::{ApprovalId, ExecutionId, InstanceId, Timestamp, workflow::engine::Event};
use postern_store::{
    Tx, approvals,
    outbox::{self, Kind, News},
    tx,
    workflows::{
        due, ends,
        instances::{self, Instance},
    },
};

use super::{
    approve, cause, finish,
    items::What,
    turn::{After, Turn},
};
use crate::{app::App, error::Result};

/// Does what an item asks for, in a transaction. `None`: it is in other hands, or was done.
pub(super) fn operation(
    app: App,
    what: What,
    now: Timestamp,
) -> impl for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<Option<After>>> + Clone + Send + 'static {
    tx!(tx => {
        let mut after = After::default();
        let taken = match what {
            What::Jobs(id, news) => jobs_ended(&app, tx, (id, &news), now, &mut after).await?,
            What::News(news) => hear(&app, tx, &news, now, &mut after).await?,
            // A clock that was set back meanwhile.
            What::Timer(_, _, due) if now < due => false,
            What::Timer(id, run, due) => ring(&app, tx, (id, run, due), now, &mut after).await?,
            What::Late(id) => approve::expire(&app, tx, id, now, &mut after).await?,
            What::Silent(id) => approve::remind(&app, tx, id, now, &mut after).await?,
        };
        if taken {
            crate::failpoint::hit("in-instance-moved");
        }
        Ok(taken.then_some(after))
    })
}

/// The time of a run has come. The instance is kept from others before its timer is taken away, in the order of those who
/// set one; and only the timer that was found due is, as the run may wait for another time by now.
async fn ring(
    app: &App,
    tx: &mut Tx<'_>,
    (id, run, due): (InstanceId, u32, Timestamp),
    now: Timestamp,
    after: &mut After,
) -> Result<bool> {
    let Some(row) = instances::find(tx, id).await? else {
        return Ok(false);
    };
    if !instances::timer_take(tx, id, run, due).await? {
        return Ok(false);
    }
    if !row.state.is_final() {
        let mut turn = Turn::of(app, row, EventCause::of(CauseKind::Timer), now, after)?;
        turn.take(tx, Event::Due { run }).await?;
    }
    Ok(true)
}

/// The instance that news are about, the run that waits for them where they name it, and what they are the cause of.
async fn heard_by(tx: &mut Tx<'_>, news: &News) -> Result<Option<(Instance, Option<u32>, EventCause)>> {
    let (id, run, cause) = match news.kind {
        Kind::InstanceMade => {
            let made = instances::find(tx, InstanceId(news.object)).await?;
            return Ok(made.map(|row| {
                let cause = cause::of_start(&row);
                (row, None, cause)
            }));
        }
        // A cancel goes from the parent to the child: so does this, or both would wait for each other.
        Kind::InstanceEnded => {
            let child = InstanceId(news.object);
            let Some((id, run)) = instances::parent_of(tx, child).await? else {
                return Ok(None);
            };
            (id, run, cause::child_ended(child))
        }
        Kind::ApprovalEnded => {
            let approval = ApprovalId(news.object);
            let Some(found) = approvals::find(tx, approval).await? else {
                return Ok(None);
            };
            (found.instance_id, found.run, cause::approval_ended(approval))
        }
        // Heard by `jobs_ended`.
        Kind::JobEnded => return Ok(None),
    };
    let found = instances::find(tx, id).await?;
    Ok(found.map(|row| (row, Some(run), cause)))
}

/// A step hears of the ends of its jobs when the last one has ended.
async fn jobs_ended(
    app: &App,
    tx: &mut Tx<'_>,
    (execution, news): (ExecutionId, &[i64]),
    now: Timestamp,
    after: &mut After,
) -> Result<bool> {
    let Some(ended) = due::take_jobs_ended(tx, news, execution).await? else {
        return Ok(false);
    };
    let row = ended.instance.filter(|row| !row.state.is_final() && !ended.open);
    let waiting = ended.run.filter(|run| run.outcome.is_none());
    if let Some((row, run)) = row.zip(waiting) {
        let mut turn = Turn::of(app, row, cause::job_ended(execution), now, after)?;
        let event = finish::jobs(&mut turn, tx, run, execution).await?;
        turn.take(tx, event).await?;
    } else if !ended.open {
        ends::forget(tx, execution).await?;
    }
    Ok(true)
}

/// The instance is kept from others before what its news are about is looked at.
async fn hear(app: &App, tx: &mut Tx<'_>, news: &News, now: Timestamp, after: &mut After) -> Result<bool> {
    if !outbox::take(tx, news.id).await? {
        return Ok(false);
    }
    let heard_by = heard_by(tx, news).await?;
    let Some((row, run, cause)) = heard_by.filter(|(row, ..)| !row.state.is_final()) else {
        return Ok(true);
    };
    let mut turn = Turn::of(app, row, cause, now, after)?;
    if let Some(event) = finish::answer(&mut turn, tx, run, news).await? {
        turn.take(tx, event).await?;
    }
    Ok(true)
}
