//! One SQL text on two engines: values, rows, and a transaction that runs on either.
//!
//! Room files write a statement once, with `$1` placeholders, in the common subset of both dialects. Nothing
//! outside this folder knows which engine runs it, except through [`Tx::engine`] for the few that differ.

pub(crate) mod postgres;
pub(crate) mod sqlite;
mod value;

use std::sync::Arc;

pub(crate) use value::{Row, Value, record, values};

use crate::Error;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// Statements of one transaction. On SQLite every call returns without waiting.
pub struct Tx<'a> {
    inner: Inner<'a>,
}

enum Inner<'a> {
    Sqlite(&'a mut rusqlite::Connection),
    Postgres(&'a deadpool_postgres::Transaction<'a>),
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tx({:?})", self.engine())
    }
}

impl<'a> Tx<'a> {
    pub(crate) fn sqlite(connection: &'a mut rusqlite::Connection) -> Self {
        Self {
            inner: Inner::Sqlite(connection),
        }
    }

    pub(crate) fn postgres(transaction: &'a deadpool_postgres::Transaction<'a>) -> Self {
        Self {
            inner: Inner::Postgres(transaction),
        }
    }

    pub fn engine(&self) -> Engine {
        match self.inner {
            Inner::Sqlite(_) => Engine::Sqlite,
            Inner::Postgres(_) => Engine::Postgres,
        }
    }

    /// Ends a SELECT that must keep its rows from others until commit. SQLite has one writer anyway.
    pub(crate) fn for_update(&self) -> &'static str {
        match self.inner {
            Inner::Sqlite(_) => "",
            Inner::Postgres(_) => " FOR UPDATE",
        }
    }

    /// Rows changed.
    pub(crate) async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        match &mut self.inner {
            Inner::Sqlite(connection) => sqlite::execute(connection, sql, values),
            Inner::Postgres(transaction) => postgres::execute(transaction, sql, values).await,
        }
    }

    pub(crate) async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        match &mut self.inner {
            Inner::Sqlite(connection) => sqlite::query(connection, sql, values),
            Inner::Postgres(transaction) => postgres::query(transaction, sql, values).await,
        }
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
        match &mut self.inner {
            Inner::Sqlite(connection) => connection.execute_batch(sql).map_err(Error::from),
            Inner::Postgres(transaction) => transaction.batch_execute(sql).await.map_err(Error::from),
        }
    }

    /// Runs `head VALUES (…), (…) tail` for many rows, in pieces of a fixed size so that few statements are
    /// prepared. `casts` gives the type of each column, which PostgreSQL does not infer in a VALUES list.
    pub(crate) async fn many(
        &mut self,
        head: &str,
        casts: &[&str],
        tail: &str,
        rows: Vec<Vec<Value>>,
    ) -> Result<Vec<Row>, Error> {
        const PIECES: [usize; 3] = [256, 16, 1];
        let mut out = Vec::new();
        let mut rest = rows.into_iter().peekable();
        let mut left = rest.len();
        while rest.peek().is_some() {
            let size = PIECES.into_iter().find(|size| *size <= left).unwrap_or(1);
            let values: Vec<Value> = rest.by_ref().take(size).flatten().collect();
            left -= size;
            let sql = format!("{head} VALUES {} {tail}", value_rows(size, casts));
            out.append(&mut self.query(&sql, &values).await?);
        }
        Ok(out)
    }
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
