//! A database for one test, gone when the test ends, whether it passed or not.

use std::{
    ops::Deref,
    panic::AssertUnwindSafe,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use postern_store::{Engine, Error, Store, Tx};
use tokio_postgres::{NoTls, SimpleQueryMessage};

#[derive(Clone, Debug)]
pub(crate) struct TestDatabase {
    store: Store,
    pub(crate) url: String,
}

impl Deref for TestDatabase {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.store
    }
}

impl TestDatabase {
    pub(crate) async fn open(url: String) -> Self {
        let store = Store::open(&url).await.expect("a new database opens");
        Self { store, url }
    }

    /// As the store's, with the error type settled.
    pub(crate) async fn write<T, F>(&self, operation: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, Error>> + Send + 'static,
    {
        self.store.write(operation).await
    }

    /// As the store's, with the error type settled.
    pub(crate) async fn read<T, F>(&self, operation: F) -> Result<T, Error>
    where
        T: Send,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, Error>> + Send,
    {
        self.store.read(operation).await
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.engine() == Engine::Postgres
    }

    /// Past the store: statements of its own, and the rows of the last one as texts, NULL as `-`.
    pub(crate) async fn raw(&self, sql: &str) -> Vec<Vec<String>> {
        match self.url.strip_prefix("sqlite://") {
            Some(path) => raw_sqlite(Path::new(path), sql),
            None => raw_postgres(&self.url, sql).await.expect("a raw statement runs"),
        }
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        let rows = self.raw(&format!("SELECT count(*) FROM {table}")).await;
        rows[0][0].parse().unwrap()
    }
}

fn raw_sqlite(path: &Path, sql: &str) -> Vec<Vec<String>> {
    use rusqlite::types::ValueRef;
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .busy_timeout(std::time::Duration::from_secs(20))
        .unwrap();
    let (first, last) = sql.rsplit_once(';').unwrap_or(("", sql));
    connection.execute_batch(first).unwrap();
    let mut statement = connection.prepare(last).unwrap();
    let columns = statement.column_count();
    // Values that a plan is asked for without stay NULL.
    let mut rows = statement.raw_query();
    let mut texts = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let text = |column| match row.get_ref(column).unwrap() {
            ValueRef::Null => "-".to_owned(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => number.to_string(),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        };
        texts.push((0..columns).map(text).collect());
    }
    texts
}

pub(crate) async fn raw_postgres(url: &str, sql: &str) -> Result<Vec<Vec<String>>, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let messages = client.simple_query(sql).await;
    drop(client);
    connection.await.expect("the connection ends by itself")?;
    let rows = messages?.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            let texts = (0..row.len()).map(|column| row.get(column).unwrap_or("-").to_owned());
            Some(texts.collect())
        }
        _ => None,
    });
    Ok(rows.collect())
}

pub(crate) async fn on_sqlite<T, F>(test: T)
where
    T: FnOnce(TestDatabase) -> F,
    F: Future<Output = ()>,
{
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("postern.db").display());
    test(TestDatabase::open(url).await).await;
}

/// In a schema of its own: a database for each test would take a checkpoint to drop.
pub(crate) async fn on_postgres<T, F>(test: T)
where
    T: FnOnce(TestDatabase) -> F,
    F: Future<Output = ()>,
{
    static SCHEMAS: AtomicU32 = AtomicU32::new(0);
    let cluster = cluster_url();
    let number = SCHEMAS.fetch_add(1, Ordering::Relaxed);
    let name = format!("conformance_{}_{number}", std::process::id());
    raw_postgres(
        &cluster,
        &format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}"),
    )
    .await
    .expect("POSTERN_TEST_POSTGRES names a PostgreSQL that is running and lets us make schemas");
    let mark = if cluster.contains('?') { '&' } else { '?' };
    let url = format!("{cluster}{mark}options=-csearch_path%3D{name}&application_name={name}");
    let database = TestDatabase::open(url).await;
    // The schema goes even when the test panics.
    let ended = AssertUnwindSafe(test(database)).catch_unwind().await;
    let drop = format!("DROP SCHEMA {name} CASCADE");
    raw_postgres(&cluster, &drop).await.expect("the schema goes");
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the one place where a test learns of the PostgreSQL it may use"
)]
fn cluster_url() -> String {
    std::env::var("POSTERN_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!(
            "POSTERN_TEST_POSTGRES is not set: run `cargo xtask test`, which starts a PostgreSQL for the tests, or \
             set it to the URL of a database where a schema may be made, \
             like postgres://postern@127.0.0.1:5432/postgres"
        )
    })
}
