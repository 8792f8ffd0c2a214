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
            .map(|batch| tokio::spawn(in_its_turn(app.clone(), batch.to_vec(), late.clone())))
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
}

impl Default for Moving {
    fn default() -> Self {
        Self {
            work: Mutex::default(),
            places: Semaphore::new(AT_ONCE),
        }
    }
}

impl Moving {
    fn work(&self) -> MutexGuard<'_, HashSet<Subject>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that are not in work yet; now they are.
    fn begin(&self, mut items: Vec<Item>) -> Vec<Item> {
        let mut work = self.work();
        items.retain(|item| work.insert(item.subject()));
        items
    }
}

/// Until it is dropped this is in work.
struct InWork {
    app: App,
    subjects: Vec<Subject>,
}

impl Drop for InWork {
    fn drop(&mut self) {
        let mut work = self.app.moving.work();
        for subject in &self.subjects {
            work.remove(subject);
        }
    }
}

/// How many were done. One that takes long, because somebody else keeps its instance, keeps no place from others; whoever
/// ends when nobody waits for it any more has the next round looked for.
async fn in_its_turn(app: App, items: Vec<Item>, late: Arc<AtomicBool>) -> usize {
    let work = InWork {
        app: app.clone(),
        subjects: items.iter().map(Item::subject).collect(),
    };
    let place = app.moving.places.acquire().await;
    let moved = {
        let mut moving = pin!(contained(&app, items));
        match tokio::time::timeout(PATIENCE, moving.as_mut()).await {
            Ok(moved) => moved,
            Err(_) => {
                drop(place);
                moving.await
            }
        }
    };
    drop(work);
    if late.load(Ordering::Acquire) {
        app.workflows.notify_one();
    }
    moved
}

#[derive(Debug, Clone)]
enum Item {
    /// Of jobs that ended, all of one execution.
    Jobs(ExecutionId, Vec<i64>),
    /// Of something else.
    News(News),
    Timer(InstanceId, u32, Timestamp),
    Late(ApprovalId),
    /// Somebody should be reminded.
    Silent(ApprovalId),
}

/// Of what there is one at a time in work.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Subject {
    Jobs(ExecutionId),
    News(i64),
    Timer(InstanceId, u32, Timestamp),
    Late(ApprovalId),
    Silent(ApprovalId),
}

impl Item {
    const fn subject(&self) -> Subject {
        match *self {
            Self::Jobs(execution, _) => Subject::Jobs(execution),
            Self::News(ref news) => Subject::News(news.id),
            Self::Timer(id, run, due) => Subject::Timer(id, run, due),
            Self::Late(id) => Subject::Late(id),
            Self::Silent(id) => Subject::Silent(id),
        }
    }
}

/// In the order in which it became due.
fn items_of(due: due::Due) -> Vec<Item> {
    let (mut items, mut places) = (Vec::new(), HashMap::new());
    for news in due.news {
        if news.kind != Kind::JobEnded {
            items.push(Item::News(news));
            continue;
        }
        let place = *places.entry(news.object).or_insert(items.len());
        match items.get_mut(place) {
            Some(Item::Jobs(_, all)) => all.push(news.id),
            _ => items.push(Item::Jobs(ExecutionId(news.object), vec![news.id])),
        }
    }
    let timers = due.timers.into_iter();
    items.extend(timers.map(|(id, run, due)| Item::Timer(id, run, due)));
    items.extend(due.late.into_iter().map(Item::Late));
    items.extend(due.silent.into_iter().map(Item::Silent));
    items
}

/// A failure or a panic over one item is its own. How many were done.
async fn contained(app: &App, items: Vec<Item>) -> usize {
    let (now, mut moved) = (app.now(), 0);
    let operations = items
        .iter()
        .map(|item| operation(app.clone(), item.clone(), now))
        .collect();
    let mut failures = Vec::new();
    let answer = |number: usize, result| match result {
        Ok(Some(after)) => {
            crate::failpoint::hit("after-instance-moved");
            After::wake(after, app);
            moved += 1;
        }
        Ok(None) => {}
        Err(error) => failures.push((number, error)),
    };
    app.store.write_together(operations, answer).await;
    for (number, error) in failures {
        failed(app, &items[number], error).await;
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
        && let Err(error) = finish::give_up_after(app, subject(app, item).await, tries).await
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

/// The instance that an item is about.
async fn subject(app: &App, item: &Item) -> Option<InstanceId> {
    let item = item.clone();
    let found = app
        .store
        .read::<_, Error, _>(tx!(tx => {
            match item {
                Item::Timer(id, ..) => Ok(Some(id)),
                Item::Late(id) | Item::Silent(id) => Ok(approvals::find(tx, id).await?.map(|approval| approval.instance_id)),
                Item::Jobs(id, _) => Ok(instances::find_by_execution(tx, id).await?.map(|row| row.id)),
                Item::News(news) => Ok(heard_by(tx, &news).await?.map(|(row, _)| row.id)),
            }
        }))
        .await;
    found.ok().flatten()
}

/// Does what an item asks for, in a transaction. `None`: it is in other hands, or was done.
fn operation(
    app: App,
    item: Item,
    now: Timestamp,
) -> impl for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<Option<After>>> + Clone + Send + 'static {
    tx!(tx => {
        let mut after = After::default();
        let taken = match item {
            Item::Jobs(id, news) => jobs_ended(&app, tx, (id, &news), now, &mut after).await?,
            Item::News(news) => hear(&app, tx, &news, now, &mut after).await?,
            // A clock that was set back meanwhile.
            Item::Timer(_, _, due) if now < due => false,
            Item::Timer(id, run, due) => ring(&app, tx, (id, run, due), now, &mut after).await?,
            Item::Late(id) => approve::expire(&app, tx, id, now, &mut after).await?,
            Item::Silent(id) => approve::remind(&app, tx, id, now, &mut after).await?,
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

/// The instance that news are about, and the run that waits for them where they name it.
async fn heard_by(tx: &mut Tx<'_>, news: &News) -> Result<Option<(Instance, Option<u32>)>> {
    let (id, run) = match news.kind {
        Kind::InstanceMade => (InstanceId(news.object), None),
        // Heard by `jobs_ended`.
        Kind::JobEnded => return Ok(None),
        // A cancel goes from the parent to the child: so does this, or both would wait for each other.
        Kind::InstanceEnded => match instances::parent_of(tx, InstanceId(news.object)).await? {
            Some((id, run)) => (id, Some(run)),
            None => return Ok(None),
        },
        Kind::ApprovalEnded => match approvals::find(tx, ApprovalId(news.object)).await? {
            Some(approval) => (approval.instance_id, Some(approval.run)),
            None => return Ok(None),
        },
    };
    Ok(instances::find(tx, id).await?.map(|row| (row, run)))
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
    let Some((row, run)) = heard_by.filter(|(row, _)| !row.state.is_final()) else {
        return Ok(true);
    };
    let cause = match news.kind {
        Kind::InstanceMade => cause::of_start(&row),
        Kind::JobEnded => cause::job_ended(ExecutionId(news.object)),
        Kind::InstanceEnded => cause::child_ended(InstanceId(news.object)),
        Kind::ApprovalEnded => cause::approval_ended(ApprovalId(news.object)),
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
