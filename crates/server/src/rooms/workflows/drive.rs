//! Moves instances: finds what is due, has it done side by side, and does not let the rest wait for what takes long.

use std::{
    collections::HashSet,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use postern_store::{Error as Stored, tx, workflows::due};
use tokio::sync::Semaphore;

use super::{
    finish,
    hear::operation,
    items::{Item, Subject, items_of},
    turn::After,
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
