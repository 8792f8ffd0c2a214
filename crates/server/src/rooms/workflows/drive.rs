//! Moves instances: news and the clock become events, the engine says what follows, and all of it is written together.
//!
//! News are rows of the outbox. One is taken away in the transaction that does what it asks for, so a server that is
//! killed at any moment leaves either the news or all that follows from it.

use std::{
    collections::{HashMap, HashSet},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::{BoxFuture, join_all};
use postern_api::workflows::{CauseKind, EventCause};
use postern_domain::{ApprovalId, ExecutionId, InstanceId, Timestamp, workflow::engine::Event};
use postern_store::{
    Error as Stored, Tx, approvals,
    outbox::{self, Kind, News},
    tx,
    workflows::{
        due, ends,
        instances::{self, Instance},
    },
};
use tokio::sync::Semaphore;

use super::{
    approve, cause, finish,
    turn::{After, Turn},
};
use crate::{
    app::App,
    error::{Error, Result},
};

/// News looked at in one round.
const NEWS: u32 = 256;
/// What shares a transaction, where the database gains by it.
const TOGETHER: usize = 30;
/// Transactions at once.
const AT_ONCE: usize = 4;
/// How long the next round waits for what is in work.
const PATIENCE: Duration = Duration::from_millis(200);
/// After so many failures of the server an instance is given up.
const TRIES: u32 = 3;
/// Where each of them was that it takes too long: a slow hour passes, what is too much for any hour does not.
const SLOW_TRIES: u32 = 20;

/// Everything that is due.
pub(crate) async fn instances_advance(app: &App) -> Result<()> {
    loop {
        let now = app.now();
        let due = app
            .store
            .look::<_, Error, _>(tx!(tx => Ok(due::due(tx, now, NEWS).await?)))
            .await?;
        let late = Arc::new(AtomicBool::new(false));
        let doing: Vec<_> = app
            .moving
            .begin(items_of(due))
            .chunks(TOGETHER)
            .map(|batch| InWork::of(app, batch.to_vec(), &late))
            .map(|work| app.tasks.spawn(in_its_turn(work)))
            .collect();
        match tokio::time::timeout(PATIENCE, join_all(doing)).await {
            // What is left is in other hands, or fails: the next round looks again.
            Ok(moved) if moved.iter().flatten().all(|moved| *moved == 0) => return Ok(()),
            Ok(_) => {}
            Err(_) => late.store(true, Ordering::Release),
        }
    }
}

/// What this server does for instances at the moment.
#[derive(Debug)]
pub(crate) struct Moving {
    work: Mutex<HashSet<Subject>>,
    places: Semaphore,
    /// For what takes long.
    late_places: Semaphore,
}

impl Default for Moving {
    fn default() -> Self {
        Self {
            work: Mutex::default(),
            places: Semaphore::new(AT_ONCE),
            late_places: Semaphore::new(AT_ONCE),
        }
    }
}

impl Moving {
    fn work(&self) -> MutexGuard<'_, HashSet<Subject>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of each instance that is not in work yet the first item; now it is. The others come after it.
    fn begin(&self, mut items: Vec<Item>) -> Vec<Item> {
        let mut work = self.work();
        items.retain(|item| work.insert(item.subject));
        items
    }
}

/// Items that are in work until each has come to its end, or this is dropped.
struct InWork {
    app: App,
    items: Vec<Item>,
    /// By item.
    over: Vec<AtomicBool>,
    /// Whether nobody waits for them any more.
    late: Arc<AtomicBool>,
}

impl InWork {
    fn of(app: &App, items: Vec<Item>, late: &Arc<AtomicBool>) -> Self {
        Self {
            app: app.clone(),
            over: items.iter().map(|_| AtomicBool::new(false)).collect(),
            items,
            late: late.clone(),
        }
    }

    fn over(&self, number: usize) {
        if self.over[number].swap(true, Ordering::AcqRel) {
            return;
        }
        self.app.moving.work().remove(&self.items[number].subject);
        if self.late.load(Ordering::Acquire) {
            self.app.workflows.notify_one();
        }
    }
}

impl Drop for InWork {
    fn drop(&mut self) {
        for number in 0..self.items.len() {
            self.over(number);
        }
    }
}

/// How many were done. What takes long, because somebody else keeps an instance, keeps no place from others as long as there
/// are places for such.
async fn in_its_turn(work: InWork) -> usize {
    let app = work.app.clone();
    let place = app.moving.places.acquire().await;
    let mut moving = pin!(contained(&work));
    match tokio::time::timeout(PATIENCE, moving.as_mut()).await {
        Ok(moved) => moved,
        Err(_) => {
            let late_place = app.moving.late_places.try_acquire();
            let _place = late_place.is_err().then_some(place);
            moving.await
        }
    }
}

#[derive(Debug, Clone)]
struct Item {
    subject: Subject,
    what: What,
}

/// Of what there is one item at a time in work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Subject {
    Instance(InstanceId),
    /// News of which nobody hears.
    News(i64),
}

#[derive(Debug, Clone)]
enum What {
    /// Of jobs that ended, all of one execution.
    Jobs(ExecutionId, Vec<i64>),
    /// Of something else.
    News(News),
    Timer(InstanceId, u32, Timestamp),
    Late(ApprovalId),
    /// Somebody should be reminded.
    Silent(ApprovalId),
}

/// In the order in which it became due.
fn items_of(due: due::Due) -> Vec<Item> {
    let (mut items, mut places): (Vec<Item>, _) = (Vec::new(), HashMap::new());
    for news in due.news {
        let subject = news.instance.map_or(Subject::News(news.id), Subject::Instance);
        let what = match news.kind {
            Kind::JobEnded => {
                let place = *places.entry(news.object).or_insert(items.len());
                if let Some(Item {
                    what: What::Jobs(_, all),
                    ..
                }) = items.get_mut(place)
                {
                    all.push(news.id);
                    continue;
                }
                What::Jobs(ExecutionId(news.object), vec![news.id])
            }
            Kind::InstanceMade | Kind::InstanceEnded | Kind::ApprovalEnded => What::News(news),
        };
        items.push(Item { subject, what });
    }
    let of = |id, what| Item {
        subject: Subject::Instance(id),
        what,
    };
    let timers = due.timers.into_iter();
    items.extend(timers.map(|(id, run, due)| of(id, What::Timer(id, run, due))));
    items.extend(
        due.late
            .into_iter()
            .map(|(id, instance)| of(instance, What::Late(id))),
    );
    items.extend(
        due.silent
            .into_iter()
            .map(|(id, instance)| of(instance, What::Silent(id))),
    );
    items
}

/// A failure or a panic over one item is its own. How many were done.
async fn contained(work: &InWork) -> usize {
    let (app, mut moved) = (&work.app, 0);
    let now = app.now();
    let operations = work
        .items
        .iter()
        .map(|item| operation(app.clone(), item.what.clone(), now))
        .collect();
    let mut failures = Vec::new();
    let answer = |number: usize, result| match result {
        Ok(done) => {
            if let Some(after) = done {
                crate::failpoint::hit("after-instance-moved");
                After::wake(after, app);
                moved += 1;
            }
            work.over(number);
        }
        Err(error) => failures.push((number, error)),
    };
    app.store.write_together(operations, answer).await;
    for (number, error) in failures {
        failed(app, &work.items[number], error).await;
        work.over(number);
    }
    moved
}

async fn failed(app: &App, item: &Item, error: Error) {
    app.metrics.background_errors.inc();
    if matches!(error, Error::Store(Stored::Panicked)) {
        app.metrics.panics.inc();
    }
    tracing::warn!(
        %error,
        ?item,
        "an instance could not be moved; it is tried again"
    );
    if let Some(tries) = tries(&error)
        && let Subject::Instance(id) = item.subject
        && let Err(error) = finish::give_up_after(app, id, tries).await
    {
        tracing::warn!(%error, "a failure could not be counted");
    }
}

/// After how many failures like this one the instance is given up. A database that is away or busy with others is no
/// fault of it.
fn tries(error: &Error) -> Option<u32> {
    match error {
        Error::Store(error) if error.is_deadline() => Some(SLOW_TRIES),
        Error::Store(error) if error.is_transient() => None,
        _ => Some(TRIES),
    }
}

/// Does what an item asks for, in a transaction. `None`: it is in other hands, or was done.
fn operation(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_is_away_for_a_moment_is_no_fault_of_an_instance() {
        let passing = [
            Stored::DiskFull,
            Stored::Closed,
            Stored::Unreachable("deadlock detected".into()),
        ];
        for error in passing {
            assert_eq!(tries(&Error::Store(error)), None);
        }
        let own = [
            Error::Internal("a torn machine".into()),
            Error::Store(Stored::Statement("a value out of range".into())),
            Error::Store(Stored::Aborted),
        ];
        for error in own {
            assert_eq!(tries(&error), Some(TRIES), "{error:?}");
        }
        // What takes too long each time would be tried for ever.
        assert_eq!(tries(&Error::Store(Stored::Deadline)), Some(SLOW_TRIES));
    }
}
