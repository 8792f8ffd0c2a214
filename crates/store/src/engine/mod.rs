//! One SQL text on two engines: values, rows, and a transaction that runs on either.
//!
//! Room files write a statement once, with `$1` placeholders, in the common subset of both dialects. Nothing
//! outside this folder knows which engine runs it, except through [`Tx::engine`] for the few that differ.

pub(crate) mod postgres;
mod session;
mod sets;
mod several;
pub(crate) mod sqlite;
mod together;
mod value;

use std::sync::Arc;

pub(crate) use value::{Row, Value, read_all, read_first, record, values};

use crate::Error;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Each statement sees what is committed when it begins.
    Look,
    /// All statements see the same moment.
    Read,
    Write,
}

/// Statements of one transaction. On SQLite every call returns without waiting.
///
/// After a statement that failed nothing of the transaction can be kept, on either engine: PostgreSQL works
/// that way, and its COMMIT would report success all the same.
pub struct Tx<'a> {
    inner: Inner<'a>,
    access: Access,
    failed: Option<Failure>,
}

/// How a statement failed, as far as those who share its transaction need to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    DiskFull,
    Other,
}

enum Inner<'a> {
    Sqlite(&'a mut rusqlite::Connection),
    Postgres(&'a mut session::Session),
    Together(together::Member),
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tx({:?})", self.engine())
    }
}

impl<'a> Tx<'a> {
    pub(crate) fn sqlite(connection: &'a mut rusqlite::Connection, access: Access) -> Self {
        Self {
            inner: Inner::Sqlite(connection),
            access,
            failed: None,
        }
    }

    pub(crate) const fn postgres(session: &'a mut session::Session, access: Access) -> Self {
        Self {
            inner: Inner::Postgres(session),
            access,
            failed: None,
        }
    }

    /// One of several that share a transaction of PostgreSQL.
    fn member(member: together::Member, access: Access) -> Self {
        Self {
            inner: Inner::Together(member),
            access,
            failed: None,
        }
    }

    pub(crate) fn failed(&self) -> Option<Failure> {
        self.failed
    }

    /// What the operation came to: it cannot succeed over a statement that failed.
    pub(crate) fn outcome<T, E: From<Error>>(&self, result: Result<T, E>) -> Result<T, E> {
        if let Inner::Together(member) = &self.inner {
            member.settled()?;
        }
        match self.failed {
            Some(_) if result.is_ok() => Err(E::from(Error::Aborted)),
            _ => result,
        }
    }

    /// These rows are locked, and this operation will change them. Whoever shares a transaction says so of all that it locks:
    /// the lock itself keeps those out who do not share it. The names of tables are those of the schema.
    pub(crate) fn mine(&mut self, table: &'static str, ids: &[i64]) -> Result<(), Error> {
        let result = match &mut self.inner {
            Inner::Together(member) => member.mine(table, ids),
            Inner::Sqlite(_) | Inner::Postgres(_) => Ok(()),
        };
        self.noticed(result)
    }

    pub fn engine(&self) -> Engine {
        match self.inner {
            Inner::Sqlite(_) => Engine::Sqlite,
            Inner::Postgres(_) | Inner::Together(_) => Engine::Postgres,
        }
    }

    /// Ends a SELECT that must keep its rows from others until commit. SQLite has one writer anyway, and a read
    /// keeps nothing from anybody. Rows that only refer to the locked ones may still be added beside.
    pub(crate) fn for_update(&self) -> &'static str {
        match (&self.inner, self.access) {
            (Inner::Postgres(_) | Inner::Together(_), Access::Write) => " FOR NO KEY UPDATE",
            _ => "",
        }
    }

    /// As `for_update`, and passes over rows that somebody else keeps.
    pub(crate) fn for_update_of_free(&self, table: &str) -> String {
        match self.for_update() {
            "" => String::new(),
            lock => format!("{lock} OF {table} SKIP LOCKED"),
        }
    }

    /// Ends a SELECT of rows that will be deleted: nobody may begin to refer to them.
    pub(crate) fn for_delete(&self, table: &str) -> String {
        match self.for_update() {
            "" => String::new(),
            _ => format!(" FOR UPDATE OF {table}"),
        }
    }

    /// Ends a SELECT of rows that will be referred to: nobody may delete them.
    pub(crate) fn for_reference(&self) -> &'static str {
        match self.for_update() {
            "" => "",
            _ => " FOR KEY SHARE",
        }
    }

    /// Rows changed.
    pub(crate) async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        self.usable(sql)?;
        let result = match &mut self.inner {
            Inner::Sqlite(connection) => sqlite::execute(connection, sql, values),
            Inner::Postgres(session) => session.execute(sql, values).await.map_err(Error::from),
            Inner::Together(member) => member.execute(sql, values).await,
        };
        self.noticed(result)
    }

    /// As `execute` where nobody asks what comes of it: PostgreSQL is not waited for. If it fails, the next statement that
    /// is waited for does, or the transaction. Not where a failure has a meaning.
    pub(crate) async fn execute_later(&mut self, sql: &str, values: Vec<Value>) -> Result<(), Error> {
        self.usable(sql)?;
        let result = match &mut self.inner {
            Inner::Sqlite(connection) => sqlite::execute(connection, sql, &values).map(|_| ()),
            Inner::Postgres(session) => session.execute_later(sql, values).await.map_err(Error::from),
            Inner::Together(member) => {
                member.execute_later(sql, values);
                Ok(())
            }
        };
        self.noticed(result)
    }

    /// Several queries, none of which needs the answer to another: to PostgreSQL they are one round trip.
    pub(crate) async fn query_each<const N: usize>(
        &mut self,
        queries: [(&str, Vec<Value>); N],
    ) -> Result<[Vec<Row>; N], Error> {
        for (sql, _) in &queries {
            self.usable(sql)?;
        }
        let result = match &mut self.inner {
            Inner::Sqlite(connection) => queries
                .iter()
                .map(|(sql, values)| sqlite::query(connection, sql, values))
                .collect(),
            Inner::Postgres(session) => postgres::query_each(session, &queries).await,
            Inner::Together(member) => member.query_each(&queries).await,
        };
        let answers = self.noticed(result)?;
        Ok(answers.try_into().expect("an answer for each query"))
    }

    pub(crate) async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        self.usable(sql)?;
        let result = match &mut self.inner {
            Inner::Sqlite(connection) => sqlite::query(connection, sql, values),
            Inner::Postgres(session) => postgres::query(session, sql, values).await,
            Inner::Together(member) => {
                let answers = member.query_each(&[(sql, values.to_vec())]).await;
                answers.map(|answers| answers.into_iter().flatten().collect())
            }
        };
        self.noticed(result)
    }

    /// Before each statement. Its text holds no data: at level `trace` it goes to the log.
    fn usable(&self, sql: &str) -> Result<(), Error> {
        tracing::trace!(target: "postern_store::statement", sql);
        if let Inner::Together(member) = &self.inner {
            member.settled()?;
        }
        // Where there is no transaction PostgreSQL could not take it back.
        if self.access == Access::Look && !sql.starts_with("SELECT") {
            return Err(Error::Statement("a look cannot write".into()));
        }
        self.failed.map_or(Ok(()), |_| Err(Error::Aborted))
    }

    fn noticed<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result {
            self.failed = Some(match error {
                Error::DiskFull => Failure::DiskFull,
                _ => Failure::Other,
            });
        }
        result
    }

    pub(crate) async fn query_one(&mut self, sql: &str, values: &[Value]) -> Result<Row, Error> {
        self.query(sql, values)
            .await?
            .into_iter()
            .next()
            .ok_or(Error::NotFound)
    }

    pub(crate) async fn query_opt(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>, Error> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// For `INSERT … RETURNING id`.
    pub(crate) async fn insert(&mut self, sql: &str, values: &[Value]) -> Result<i64, Error> {
        self.query_one(sql, values).await?.read(0)
    }

    /// Several statements separated by semicolons, without values: migrations.
    pub(crate) async fn batch(&mut self, sql: &str) -> Result<(), Error> {
        self.usable(sql)?;
        let result = match &mut self.inner {
            Inner::Sqlite(connection) => connection.execute_batch(sql).map_err(Error::from),
            Inner::Postgres(session) => session.batch(sql).await.map_err(Error::from),
            Inner::Together(_) => Err(Error::Statement(
                "several statements at once are not shared".into(),
            )),
        };
        self.noticed(result)
    }

    /// Runs `head VALUES (…), (…) tail` for many rows, in pieces of few sizes so that few statements are
    /// prepared, and in one piece where the rows are few. `casts` gives the type of each column, which PostgreSQL
    /// does not infer in a VALUES list.
    pub(crate) async fn many(
        &mut self,
        head: &str,
        casts: &[&str],
        tail: &str,
        rows: Vec<Vec<Value>>,
    ) -> Result<Vec<Row>, Error> {
        let mut out = Vec::new();
        for (sql, values) in pieces(head, casts, tail, rows) {
            out.append(&mut self.query(&sql, &values).await?);
        }
        Ok(out)
    }

    /// As `many`, by `execute_later`.
    pub(crate) async fn many_later(
        &mut self,
        head: &str,
        casts: &[&str],
        tail: &str,
        rows: Vec<Vec<Value>>,
    ) -> Result<(), Error> {
        self.usable(head)?;
        if let Inner::Together(member) = &mut self.inner {
            member.many_later(head, casts, tail, rows);
            return Ok(());
        }
        for (sql, values) in pieces(head, casts, tail, rows) {
            self.execute_later(&sql, values).await?;
        }
        Ok(())
    }
}

fn pieces(head: &str, casts: &[&str], tail: &str, rows: Vec<Vec<Value>>) -> Vec<(String, Vec<Value>)> {
    const PIECES: [usize; 12] = [256, 64, 32, 16, 8, 7, 6, 5, 4, 3, 2, 1];
    let mut out = Vec::new();
    let mut left = rows.len();
    let mut rest = rows.into_iter();
    while left > 0 {
        let size = PIECES.into_iter().find(|size| *size <= left).unwrap_or(1);
        let values: Vec<Value> = rest.by_ref().take(size).flatten().collect();
        left -= size;
        out.push((
            format!("{head} VALUES {} {tail}", value_rows(size, casts)),
            values,
        ));
    }
    out
}

/// `(CAST($1 AS BIGINT), $2), ($3, $4)`: casts in the first row give the types of all.
fn value_rows(rows: usize, casts: &[&str]) -> String {
    let mut sql = String::new();
    let mut number = 0;
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for (column, cast) in casts.iter().enumerate() {
            number += 1;
            if column > 0 {
                sql.push_str(", ");
            }
            if row == 0 {
                sql.push_str(&format!("CAST(${number} AS {cast})"));
            } else {
                sql.push_str(&format!("${number}"));
            }
        }
        sql.push(')');
    }
    sql
}

/// A shared error, for the callers of one combined transaction that failed as a whole.
pub(crate) type SharedError = Arc<Error>;
