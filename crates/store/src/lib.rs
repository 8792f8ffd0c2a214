//! Postern's database: one file per room, one SQL text for SQLite and PostgreSQL.
//!
//! A [`Store`] runs closures over a [`Tx`]: either all of a closure happens or nothing of it. Rules live in
//! `domain`, authorization in the server; this crate stores what it is told and finds it again.

pub mod agents;
pub mod approvals;
pub mod audit;
mod engine;
mod error;
mod gathered;
pub mod idempotency;
pub mod identity;
pub mod jobs;
mod list;
mod migrate;
pub mod notify;
pub mod outbox;
pub mod outputs;
mod pages;
pub mod schedules;
pub mod scripts;
pub mod system;
pub mod uses;
pub mod workflows;

use std::path::PathBuf;

use futures_util::future::{BoxFuture, join_all};

pub use engine::{Engine, Tx};
pub use error::Error;
pub use gathered::Gathered;
pub use list::{Cursor, ListQuery, SortDirection};

use engine::{Access, postgres::Postgres, sqlite::Sqlite};

/// A handle; clones share the same connections.
#[derive(Clone)]
pub struct Store {
    database: Database,
}

#[derive(Clone)]
enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({:?})", self.engine())
    }
}

impl Store {
    /// Opens `sqlite://<path>` or `postgres://…` and brings its schema up to date.
    pub async fn open(url: &str) -> Result<Self, Error> {
        let database = if let Some(path) = url.strip_prefix("sqlite://") {
            Database::Sqlite(Sqlite::open(&PathBuf::from(path))?)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Database::Postgres(Postgres::open(url)?)
        } else {
            return Err(Error::Url);
        };
        let store = Self { database };
        migrate::run(&store).await?;
        Ok(store)
    }

    pub fn engine(&self) -> Engine {
        match self.database {
            Database::Sqlite(_) => Engine::Sqlite,
            Database::Postgres(_) => Engine::Postgres,
        }
    }

    /// All of the operation, durably, or nothing of it: nothing when it panics, and nothing after a statement
    /// that failed, whatever it says itself. On SQLite it shares a commit with the writes that wait beside it,
    /// and must not await anything but its statements.
    ///
    /// When the caller stops waiting the outcome is unknown to it: the write may still happen.
    pub async fn write<T, E, F>(&self, operation: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.write(operation).await,
            Database::Postgres(postgres) => postgres.write(operation).await,
        }
    }

    /// As [`Store::write`] for several operations that change nothing of each other's: PostgreSQL does them in one
    /// transaction, and what they ask in the same words at once. Where one of them fails, or would wait for long, or two would
    /// change the same row, each is done in its own; and so is one whose outcome is unknown, which may have happened by then.
    ///
    /// `answer` gets the result of each by its number, as soon as it is there.
    pub async fn write_together<T, E, F>(
        &self,
        operations: Vec<F>,
        mut answer: impl FnMut(usize, Result<T, E>),
    ) where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Clone + Send + 'static,
    {
        match &self.database {
            Database::Sqlite(sqlite) => {
                let all = join_all(operations.into_iter().map(|one| sqlite.write(one))).await;
                for (number, result) in all.into_iter().enumerate() {
                    answer(number, result);
                }
            }
            Database::Postgres(postgres) => {
                postgres.run_together(Access::Write, operations, answer).await;
            }
        }
    }

    /// As [`Store::look`] for several operations, as in [`Store::write_together`].
    pub async fn look_together<T, E, F>(
        &self,
        operations: Vec<F>,
        mut answer: impl FnMut(usize, Result<T, E>),
    ) where
        T: Send,
        E: From<Error> + Send,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Clone + Send,
    {
        match &self.database {
            Database::Sqlite(sqlite) => {
                for (number, operation) in operations.into_iter().enumerate() {
                    answer(number, sqlite.read(operation));
                }
            }
            Database::Postgres(postgres) => postgres.run_together(Access::Look, operations, answer).await,
        }
    }

    /// A quick read of a few rows, in one snapshot. On SQLite it runs on the calling thread.
    pub async fn read<T, E, F>(&self, operation: F) -> Result<T, E>
    where
        T: Send,
        E: From<Error> + Send,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send,
    {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.read(operation),
            Database::Postgres(postgres) => postgres.read(operation).await,
        }
    }

    /// As `read`, where what one statement finds need not fit what another does: PostgreSQL has less to do.
    pub async fn look<T, E, F>(&self, operation: F) -> Result<T, E>
    where
        T: Send,
        E: From<Error> + Send,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send,
    {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.read(operation),
            Database::Postgres(postgres) => postgres.look(operation).await,
        }
    }

    /// A read that may touch many rows: kept off the threads that serve requests.
    pub async fn scan<T, E, F>(&self, operation: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        match &self.database {
            Database::Sqlite(sqlite) => {
                let sqlite = sqlite.clone();
                tokio::task::spawn_blocking(move || sqlite.read(operation))
                    .await
                    .map_err(|_| E::from(Error::Panicked))?
            }
            Database::Postgres(postgres) => postgres.read(operation).await,
        }
    }

    /// Messages of other servers on this database; `None` on SQLite, which has one server.
    pub async fn listen(&self, channel: &str) -> Result<Option<tokio::sync::mpsc::Receiver<String>>, Error> {
        match &self.database {
            Database::Sqlite(_) => Ok(None),
            Database::Postgres(postgres) => postgres.listen(channel).await.map(Some),
        }
    }
}

/// Writes a closure for [`Store::write`] and [`Store::read`]: `tx!(tx => { … })`.
#[macro_export]
macro_rules! tx {
    ($tx:ident => $body:expr) => {
        move |$tx: &mut $crate::Tx<'_>| Box::pin(async move { $body })
    };
}
