//! SQLite: one writer thread that combines waiting writes into one transaction, and a pool of readers.
//!
//! A write is a closure that returns a future over a [`Tx`]. On this engine no statement ever waits, so the
//! writer polls the future once and it is done; one that waits for anything else is rolled back with an error.
//! Each write runs in its own savepoint, so a refused one leaves no trace and does not disturb the others; all
//! of them are made durable by the one COMMIT before anyone is answered.

use std::{
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
    thread,
};

use futures_util::future::BoxFuture;
use rusqlite::{
    Connection, OpenFlags,
    config::DbConfig,
    types::{ToSqlOutput, ValueRef},
};
use tokio::sync::{mpsc, oneshot};

use super::{Access, Failure, Row, SharedError, Tx, Value};
use crate::Error;

/// Writes in one transaction.
const COMBINE: usize = 256;
/// Writes that may wait; beyond it callers wait to get in.
const QUEUE: usize = 4096;
/// Prepared statements kept per connection.
const STATEMENTS: usize = 256;
/// Idle readers kept.
const READERS: usize = 8;

/// Runs inside the transaction, or learns why there is none.
type Job = Box<dyn FnOnce(Result<&mut Connection, SharedError>) -> Ran + Send>;
/// Is called with the outcome of the commit and answers the caller.
type Finish = Box<dyn FnOnce(Result<(), SharedError>) + Send>;

struct Ran {
    verdict: Verdict,
    finish: Finish,
}

#[derive(Clone, Copy)]
enum Verdict {
    Keep,
    Undo(Option<Failure>),
}

#[derive(Clone)]
pub(crate) struct Sqlite {
    path: PathBuf,
    writer: mpsc::Sender<Job>,
    readers: Arc<Mutex<Vec<Connection>>>,
}

impl Sqlite {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let mut connection = connect(path, Access::Write)?;
        let (writer, mut jobs) = mpsc::channel::<Job>(QUEUE);
        thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || {
                let mut batch = Vec::with_capacity(COMBINE);
                while jobs.blocking_recv_many(&mut batch, COMBINE) > 0 {
                    run_batch(&mut connection, &mut batch);
                }
                // Closing here folds the write-ahead log into the database file.
                drop(connection);
            })
            .map_err(Error::Io)?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            readers: Arc::default(),
        })
    }

    pub(crate) async fn write<T, E, F>(&self, operation: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let (result, failed) = match connection {
                Ok(connection) => poll_once(connection, Access::Write, operation),
                Err(error) => (Err(E::from(shared(&error))), None),
            };
            let verdict = if result.is_ok() {
                Verdict::Keep
            } else {
                Verdict::Undo(failed)
            };
            let finish = Box::new(move |committed: Result<(), SharedError>| {
                let result = match (result, committed) {
                    (Ok(_), Err(error)) => Err(E::from(shared(&error))),
                    (result, _) => result,
                };
                // The caller may have gone; the write stands all the same.
                let _ = answer.send(result);
            });
            Ran { verdict, finish }
        });
        self.writer.send(job).await.map_err(|_| E::from(Error::Closed))?;
        answered.await.map_err(|_| E::from(Error::Closed))?
    }

    /// A read in one snapshot, on the calling thread.
    pub(crate) fn read<T, E, F>(&self, operation: F) -> Result<T, E>
    where
        E: From<Error>,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>>,
    {
        let mut connection = self.reader()?;
        simple(&connection, "BEGIN")?;
        let (result, _) = poll_once(&mut connection, Access::Read, operation);
        let ended = simple(&connection, "COMMIT");
        // One that is still in its transaction would refuse every later read.
        if ended.is_ok() {
            self.give_back(connection);
        }
        result
    }

    fn reader(&self) -> Result<Connection, Error> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| connect(&self.path, Access::Read), Ok)
    }

    fn give_back(&self, connection: Connection) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS {
            readers.push(connection);
        }
    }
}

/// For its owner only; SQLite gives its other files the same permissions. Where this fails, SQLite says why.
fn create_private(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.open(path);
}

fn connect(path: &Path, access: Access) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | match access {
            Access::Write => OpenFlags::SQLITE_OPEN_CREATE,
            Access::Read | Access::Look => OpenFlags::empty(),
        };
    if access == Access::Write {
        create_private(path);
    }
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    // A kept statement stays as it was planned; otherwise it is planned anew for each value bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864;",
    )?;
    // Pages in KiB. Readers are several, and what they miss is in the system's cache.
    connection.execute_batch(match access {
        Access::Write => "PRAGMA cache_size = -16384;",
        Access::Read | Access::Look => "PRAGMA cache_size = -2048; PRAGMA query_only = ON;",
    })?;
    Ok(connection)
}

fn run_batch(connection: &mut Connection, batch: &mut Vec<Job>) {
    let mut jobs = batch.drain(..);
    while jobs.len() > 0 {
        combine(connection, &mut jobs);
    }
}

/// Runs jobs in one transaction: all of them, or those up to the one that took the transaction down.
fn combine(connection: &mut Connection, jobs: &mut impl Iterator<Item = Job>) {
    if let Err(error) = begin(connection) {
        let error = Arc::new(error);
        for job in jobs {
            (job(Err(error.clone())).finish)(Err(error.clone()));
        }
        return;
    }
    let mut finishes = Vec::new();
    let mut whole = Ok(());
    for job in jobs {
        let ran = run_one(connection, job);
        finishes.push(ran.0);
        if ran.1.is_err() {
            whole = ran.1;
            break;
        }
    }
    let committed = whole
        .and_then(|()| simple(connection, "COMMIT"))
        .map_err(|error| {
            tracing::error!(%error, "nothing of a transaction was kept");
            abandon(connection);
            Arc::new(error)
        });
    for finish in finishes {
        finish(committed.clone());
    }
}

fn begin(connection: &Connection) -> Result<(), Error> {
    abandon(connection);
    simple(connection, "BEGIN IMMEDIATE")
}

fn abandon(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = simple(connection, "ROLLBACK")
    {
        tracing::error!(%error, "rollback failed");
    }
}

/// Runs a job in a savepoint. An error means that the transaction around it is of no use any more.
fn run_one(connection: &mut Connection, job: Job) -> (Finish, Result<(), Error>) {
    if let Err(error) = simple(connection, "SAVEPOINT job") {
        let error = Arc::new(error);
        return (job(Err(error.clone())).finish, Err(Error::Shared(error)));
    }
    let ran = job(Ok(&mut *connection));
    // On a full disk SQLite may end the whole transaction by itself: what came before is gone, and what came
    // after would be committed statement by statement.
    let settled = if connection.is_autocommit() {
        Err(match ran.verdict {
            Verdict::Undo(Some(Failure::DiskFull)) => Error::DiskFull,
            _ => Error::Statement("the transaction was ended from within".into()),
        })
    } else {
        match ran.verdict {
            Verdict::Keep => Ok(()),
            Verdict::Undo(_) => simple(connection, "ROLLBACK TO job"),
        }
        .and_then(|()| simple(connection, "RELEASE job"))
    };
    (ran.finish, settled)
}

/// One error for several callers; those that name a remedy stay what they are.
fn shared(error: &SharedError) -> Error {
    match **error {
        Error::DiskFull => Error::DiskFull,
        _ => Error::Shared(error.clone()),
    }
}

/// Runs an operation to its end, which it must reach without waiting.
fn poll_once<T, E, F>(
    connection: &mut Connection,
    access: Access,
    operation: F,
) -> (Result<T, E>, Option<Failure>)
where
    E: From<Error>,
    F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>>,
{
    let mut tx = Tx::sqlite(connection, access);
    let poll = || {
        let future = pin!(operation(&mut tx));
        future.poll(&mut Context::from_waker(Waker::noop()))
    };
    let result = match std::panic::catch_unwind(AssertUnwindSafe(poll)) {
        Ok(Poll::Ready(result)) => result,
        Ok(Poll::Pending) => Err(E::from(Error::WaitedInTransaction)),
        Err(_) => Err(E::from(Error::Panicked)),
    };
    (tx.outcome(result), tx.failed())
}

fn simple(connection: &Connection, sql: &str) -> Result<(), Error> {
    connection.prepare_cached(sql)?.raw_execute()?;
    Ok(())
}

pub(super) fn execute(connection: &mut Connection, sql: &str, values: &[Value]) -> Result<u64, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    bind(&mut statement, values)?;
    Ok(statement.raw_execute()? as u64)
}

pub(super) fn query(connection: &mut Connection, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    bind(&mut statement, values)?;
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let read = (0..columns).map(|column| {
            Ok::<_, Error>(match row.get_ref(column)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Int(number),
                ValueRef::Real(_) => return Err(Error::Shape("a floating-point number".into())),
                ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
            })
        });
        out.push(Row(read.collect::<Result<_, _>>()?));
    }
    Ok(out)
}

/// SQLite numbers `$1` by first appearance, so each is bound by its name.
fn bind(statement: &mut rusqlite::CachedStatement<'_>, values: &[Value]) -> Result<(), Error> {
    if values.is_empty() {
        return Ok(());
    }
    let mut name = String::with_capacity(6);
    for (index, value) in values.iter().enumerate() {
        use std::fmt::Write as _;
        name.clear();
        write!(name, "${}", index + 1).expect("writing to a String cannot fail");
        let number = statement
            .parameter_index(&name)?
            .ok_or_else(|| Error::Shape(format!("the statement has no {name}")))?;
        statement.raw_bind_parameter(number, value)?;
    }
    Ok(())
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Bool(flag) => ValueRef::Integer(i64::from(*flag)),
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

#[cfg(test)]
mod tests;
