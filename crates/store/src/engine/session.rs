//! One transaction on a connection of the pool, with as few round trips as the protocol allows.
//!
//! It begins together with its first statement, without waiting for the answer to BEGIN. A statement that nobody waits
//! for is answered with the next one that somebody does, or with the COMMIT. A transaction that only reads is over when
//! its last statement is: the answer to its COMMIT is nobody's, and the next user's statements come after it. One that
//! looks is none at all for the server.

use std::{pin::pin, sync::Arc};

use deadpool_postgres::Object;
use futures_util::{
    FutureExt as _, TryStreamExt as _,
    future::{BoxFuture, join, try_join_all},
};
use tokio_postgres::{Error, Row, Statement, error::SqlState, types::Type};

use super::{Access, Value};

/// A query and its values.
pub(super) type Query<'a> = (&'a str, Vec<Value>);

/// A statement with all that it takes.
#[derive(Debug)]
pub(super) struct Asked {
    sql: String,
    parameters: Vec<Parameter>,
}

impl Asked {
    pub(super) fn of(sql: String, values: Vec<Value>) -> Self {
        let parameters = values.into_iter().map(Parameter::One).collect();
        Self { sql, parameters }
    }

    /// Over sets of values, of which each parameter takes one of each.
    pub(super) fn over(sql: String, sets: Vec<Vec<Value>>) -> Self {
        // Told beside the statements of which it is made.
        tracing::trace!(target: "postern_store::statement", sql = sql.as_str());
        let mut columns: Vec<Vec<Value>> = Vec::new();
        for set in sets {
            columns.resize_with(set.len(), Vec::new);
            for (column, value) in columns.iter_mut().zip(set) {
                column.push(value);
            }
        }
        let parameters = columns.into_iter().map(Parameter::Array).collect();
        Self { sql, parameters }
    }
}

#[derive(Debug)]
pub(super) enum Parameter {
    One(Value),
    Array(Vec<Value>),
}

pub(crate) struct Session {
    /// There until the session ends.
    client: Option<Arc<Object>>,
    access: Access,
    /// Begins its transaction, where it has one.
    begin: Option<&'static str>,
    begun: bool,
    /// A row was kept by somebody else for too long.
    kept_out: bool,
    /// Sent and not answered yet, in this order.
    sent: Vec<BoxFuture<'static, Result<(), Error>>>,
}

impl Session {
    pub(super) fn new(client: Object, access: Access) -> Self {
        Self {
            client: Some(Arc::new(client)),
            access,
            begin: match access {
                Access::Write => Some("BEGIN"),
                Access::Read => Some("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"),
                Access::Look => None,
            },
            begun: false,
            kept_out: false,
            sent: Vec::new(),
        }
    }

    /// For several operations. Their statements go by keys, whatever the values are: one plan does for all. And where one of
    /// them would wait for a row that somebody else keeps, the others do not wait with it.
    pub(super) fn for_several(mut self) -> Self {
        if self.access == Access::Write {
            let begin =
                "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL lock_timeout = '200ms'";
            self.begin = Some(begin);
        }
        self
    }

    /// Rows changed.
    pub(super) async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        let statement = self.prepare(sql).await?;
        let client = self.begin();
        self.answered(client.execute_raw(&statement, values)).await
    }

    /// Nobody waits for what comes of it.
    pub(super) async fn execute_later(&mut self, sql: &str, values: Vec<Value>) -> Result<(), Error> {
        let statement = self.prepare(sql).await?;
        let client = self.begin();
        self.send(async move { client.execute_raw(&statement, &values).await.map(|_| ()) });
        Ok(())
    }

    pub(super) async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let statement = self.prepare(sql).await?;
        let client = self.begin();
        self.answered(async { client.query_raw(&statement, values).await?.try_collect().await })
            .await
    }

    /// All of them in one round trip.
    pub(super) async fn query_each(&mut self, queries: &[Query<'_>]) -> Result<Vec<Vec<Row>>, Error> {
        let mut prepared = Vec::with_capacity(queries.len());
        for (sql, values) in queries {
            prepared.push((self.prepare(sql).await?, values));
        }
        let client = self.begin();
        let all = prepared
            .iter()
            .map(async |(statement, values)| client.query_raw(statement, *values).await?.try_collect().await);
        self.answered(try_join_all(all)).await
    }

    /// All of them in one round trip, in their order: what each found, and how many rows it changed.
    pub(super) async fn ask(&mut self, asked: Vec<Asked>) -> Result<Vec<(Vec<Row>, u64)>, Error> {
        let mut prepared = Vec::with_capacity(asked.len());
        for Asked { sql, parameters } in asked {
            prepared.push((self.prepare(&sql).await?, parameters));
        }
        let client = self.begin();
        let all = prepared.iter().map(async |(statement, parameters)| {
            let mut rows = pin!(client.query_raw(statement, parameters).await?);
            let mut found = Vec::new();
            while let Some(row) = rows.as_mut().try_next().await? {
                found.push(row);
            }
            Ok((found, rows.rows_affected().unwrap_or_default()))
        });
        self.answered(try_join_all(all)).await
    }

    /// The types of a statement's parameters.
    pub(super) async fn types(&mut self, sql: &str) -> Result<Vec<Type>, Error> {
        Ok(self.prepare(sql).await?.params().to_vec())
    }

    pub(super) async fn batch(&mut self, sql: &str) -> Result<(), Error> {
        let client = self.begin();
        self.answered(client.batch_execute(sql)).await
    }

    /// What is prepared behind a statement that failed fails for that reason.
    async fn prepare(&mut self, sql: &str) -> Result<Statement, Error> {
        match self.client().prepare_cached(sql).await {
            Ok(statement) => Ok(statement),
            Err(error) => {
                let before = first_failure(std::mem::take(&mut self.sent)).await;
                self.noticed(before.and(Err(error)))
            }
        }
    }

    fn begin(&mut self) -> Arc<Object> {
        let client = self.client().clone();
        if !std::mem::replace(&mut self.begun, true)
            && let Some(begin) = self.begin
        {
            let client = client.clone();
            self.send(async move { client.batch_execute(begin).await });
        }
        client
    }

    /// What is polled first is sent first, and the server does it first.
    fn send(&mut self, statement: impl Future<Output = Result<(), Error>> + Send + 'static) {
        let mut statement = statement.boxed();
        match statement.as_mut().now_or_never() {
            Some(answer) => self.sent.push(std::future::ready(answer).boxed()),
            None => self.sent.push(statement),
        }
    }

    /// The answer to this statement, unless one before it failed: the server refused all that came after that.
    async fn answered<T>(&mut self, statement: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let before = std::mem::take(&mut self.sent);
        let (answer, before) = join(statement, first_failure(before)).await;
        self.noticed(before.and(answer))
    }

    fn noticed<T>(&mut self, answer: Result<T, Error>) -> Result<T, Error> {
        let code = answer.as_ref().err().and_then(Error::code);
        self.kept_out |= code == Some(&SqlState::LOCK_NOT_AVAILABLE);
        answer
    }

    /// Whether it failed over a row that somebody else keeps, where it was not to wait for long.
    pub(super) const fn was_kept_out(&self) -> bool {
        self.kept_out
    }

    pub(super) async fn commit(&mut self) -> Result<(), Failed> {
        if !std::mem::take(&mut self.begun) || self.access == Access::Look {
            return Ok(());
        }
        let before = std::mem::take(&mut self.sent);
        let commit = self.client().batch_execute("COMMIT");
        if self.access == Access::Read {
            // Sent by the first look at it. If that fails the connection is gone, which the next user sees.
            drop(commit.now_or_never());
            return Ok(());
        }
        let (commit, before) = join(commit, first_failure(before)).await;
        // A connection that broke says nothing of the COMMIT that went with it.
        self.noticed(before).map_err(|error| match error.as_db_error() {
            Some(_) => Failed::Statement(error),
            None => Failed::Commit(error),
        })?;
        commit.map_err(Failed::Commit)
    }

    pub(super) async fn rollback(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.begun) && self.access != Access::Look {
            // It is the transaction that is taken back, whatever came of its statements.
            self.sent.clear();
            return self.client().batch_execute("ROLLBACK").await;
        }
        Ok(())
    }

    /// Takes the connection away, which is not used again.
    pub(super) fn abandon(mut self) -> Option<Object> {
        self.take()
    }

    fn take(&mut self) -> Option<Object> {
        // Those that wait for answers have the connection too.
        self.sent.clear();
        self.client.take().and_then(Arc::into_inner)
    }

    fn client(&self) -> &Arc<Object> {
        self.client.as_ref().expect("there until the session ends")
    }
}

impl Drop for Session {
    /// Whoever waited for it has gone away in the middle: the server takes back what a connection that ends has begun.
    fn drop(&mut self) {
        if self.begun
            && let Some(client) = self.take()
        {
            drop(Object::take(client));
        }
    }
}

/// How a transaction could not be committed.
#[derive(Debug)]
pub(super) enum Failed {
    /// One of its statements was refused, and with it all of them.
    Statement(Error),
    Commit(Error),
}

async fn first_failure(answers: Vec<BoxFuture<'static, Result<(), Error>>>) -> Result<(), Error> {
    for answer in answers {
        answer.await?;
    }
    Ok(())
}
