//! Operations of one kind that come from many sides: those that wait at the same time are done together.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::{Engine, Error, Store, Tx};

/// Operations in one transaction.
const TOGETHER: usize = 30;
/// Operations that may wait; beyond it callers wait to get in.
const QUEUE: usize = 4096;
/// How long the next ones wait for those before them. A row that somebody else keeps does not hinder what has nothing to
/// do with it.
const PATIENCE: Duration = Duration::from_millis(50);

/// It may be called more than once: where several could not be done together, or nobody knows whether they were.
type Operation<T, E> = Arc<dyn for<'t> Fn(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + Sync>;

struct Waiting<T, E> {
    key: i64,
    operation: Operation<T, E>,
    answer: oneshot::Sender<Result<T, E>>,
}

/// See [`Store::write_together`] and [`Store::look_together`].
pub struct Gathered<T, E> {
    store: Store,
    kind: Kind,
    /// SQLite combines all writes anyway, and a look waits for nobody.
    waiting: Option<mpsc::Sender<Waiting<T, E>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Write,
    Look,
}

impl<T, E> std::fmt::Debug for Gathered<T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gathered({:?}, {:?})", self.kind, self.store)
    }
}

impl<T, E> Gathered<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    /// Within a runtime of tokio: it works until it is dropped.
    pub fn writes(store: &Store) -> Self {
        Self::new(store, Kind::Write)
    }

    /// As [`Gathered::writes`].
    pub fn looks(store: &Store) -> Self {
        Self::new(store, Kind::Look)
    }

    fn new(store: &Store, kind: Kind) -> Self {
        let waiting = (store.engine() == Engine::Postgres).then(|| {
            let (sender, receiver) = mpsc::channel(QUEUE);
            tokio::spawn(work(store.clone(), kind, receiver));
            sender
        });
        let store = store.clone();
        Self { store, kind, waiting }
    }

    /// As [`Store::write`] or [`Store::look`]. Of those that are done together the one with the smallest key is the first to
    /// lock its rows.
    pub async fn run<F>(&self, key: i64, operation: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Clone + Send + Sync + 'static,
    {
        let Some(waiting) = &self.waiting else {
            return self.run_alone(operation).await;
        };
        let (answer, answered) = oneshot::channel();
        let one = Waiting {
            key,
            operation: kept(operation),
            answer,
        };
        waiting.send(one).await.map_err(|_| Error::Closed)?;
        answered.await.map_err(|_| Error::Closed)?
    }

    /// As [`Gathered::run`] for one that is so large that nobody should wait for it.
    pub async fn run_alone<F>(&self, operation: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        match self.kind {
            Kind::Write => self.store.write(operation).await,
            Kind::Look => self.store.look(operation).await,
        }
    }
}

async fn work<T, E>(store: Store, kind: Kind, mut receiver: mpsc::Receiver<Waiting<T, E>>)
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    let mut batch = Vec::with_capacity(TOGETHER);
    while receiver.recv_many(&mut batch, TOGETHER).await > 0 {
        // On its own: a panic ends this batch, and none of those that come.
        let doing = tokio::spawn(together(store.clone(), kind, std::mem::take(&mut batch)));
        let _ = timeout(PATIENCE, doing).await;
    }
}

async fn together<T, E>(store: Store, kind: Kind, mut batch: Vec<Waiting<T, E>>)
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    // What nobody waits for any more is not begun.
    batch.retain(|one| !one.answer.is_closed());
    batch.sort_by_key(|one| one.key);
    let (operations, mut answers): (Vec<_>, Vec<_>) = batch
        .into_iter()
        .map(|one| (once(one.operation), Some(one.answer)))
        .unzip();
    let answer = |number: usize, result| {
        if let Some(answer) = answers.get_mut(number).and_then(Option::take) {
            // Whoever asked may have gone; what was written stands all the same.
            let _ = answer.send(result);
        }
    };
    match kind {
        Kind::Write => store.write_together(operations, answer).await,
        Kind::Look => store.look_together(operations, answer).await,
    }
}

fn once<T, E>(
    operation: Operation<T, E>,
) -> impl for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Clone + Send + 'static
where
    T: 'static,
    E: 'static,
{
    move |tx| operation(tx)
}

fn kept<T, E, F>(operation: F) -> Operation<T, E>
where
    F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Clone + Send + Sync + 'static,
{
    Arc::new(move |tx| operation.clone()(tx))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::tx;

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_not_begun() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("t.db").display());
        let store = Store::open(&url).await.unwrap();
        let begun = Arc::new(Mutex::new(Vec::new()));
        let (mut batch, mut answers) = (Vec::new(), Vec::new());
        for key in 1..=3 {
            let (answer, answered) = oneshot::channel();
            let begins = begun.clone();
            let operation = kept(tx!(_tx => {
                begins.lock().unwrap().push(key);
                Ok::<_, Error>(key)
            }));
            batch.push(Waiting {
                key,
                operation,
                answer,
            });
            answers.push(answered);
        }
        drop(answers.remove(1));
        together(store, Kind::Write, batch).await;
        let mut found = Vec::new();
        for answered in answers {
            found.push(answered.await.unwrap().unwrap());
        }
        assert_eq!(found, [1, 3]);
        assert_eq!(*begun.lock().unwrap(), [1, 3]);
    }
}
