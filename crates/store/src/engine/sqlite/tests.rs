//! The combining writer when the disk, the lock or the commit fails. All writes of a test share one transaction:
//! the first one keeps the writer busy until the others wait behind it.

use std::{sync::atomic::AtomicUsize, sync::atomic::Ordering, sync::mpsc as std_mpsc, time::Duration};

use super::*;
use crate::tx;

struct Database {
    sqlite: Sqlite,
    folder: tempfile::TempDir,
}

impl Database {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = Sqlite::open(&folder.path().join("t.db")).unwrap();
        let database = Self { sqlite, folder };
        database
            .run("CREATE TABLE parents (id INTEGER PRIMARY KEY) STRICT; CREATE TABLE rows (name TEXT PRIMARY KEY, data BLOB, parent INTEGER REFERENCES parents (id)) STRICT")
            .await
            .unwrap();
        database
    }

    async fn run(&self, sql: &'static str) -> Result<(), Error> {
        self.sqlite.write(tx!(tx => tx.batch(sql).await)).await
    }

    /// A row of so many bytes.
    fn insert(&self, name: &str, bytes: usize) -> impl Future<Output = Result<u64, Error>> + Send + 'static {
        let (sqlite, name) = (self.sqlite.clone(), name.to_owned());
        async move {
            let insert = "INSERT INTO rows (name, data) VALUES ($1, $2)";
            sqlite
                .write(
                    tx!(tx => tx.execute(insert, &[Value::Text(name), Value::Bytes(vec![7; bytes])]).await),
                )
                .await
        }
    }

    fn names(&self) -> Vec<String> {
        let rows = self
            .sqlite
            .read(tx!(tx => tx.query("SELECT name FROM rows ORDER BY name", &[]).await));
        let rows: Vec<Row> = rows.unwrap_or_else(|error: Error| panic!("{error}"));
        rows.into_iter().map(|row| row.read(0).unwrap()).collect()
    }

    /// Holds the writer until the sender is used or dropped.
    async fn hold(&self) -> std_mpsc::Sender<()> {
        let (go, wait) = std_mpsc::channel();
        let (inside, is_inside) = oneshot::channel();
        let sqlite = self.sqlite.clone();
        tokio::spawn(async move {
            sqlite
                .write(tx!(_tx => {
                    let _ = inside.send(());
                    let _ = wait.recv_timeout(Duration::from_secs(20));
                    Ok::<_, Error>(())
                }))
                .await
        });
        is_inside.await.unwrap();
        go
    }

    /// Lets the writes wait behind a held writer, in this order, then lets it go: they share a transaction.
    async fn together<T: Send + 'static>(
        &self,
        writes: Vec<impl Future<Output = Result<T, Error>> + Send + 'static>,
    ) -> Vec<Result<T, Error>> {
        let go = self.hold().await;
        let mut tasks = Vec::new();
        for write in writes {
            let waiting = self.sqlite.writer.capacity();
            tasks.push(tokio::spawn(write));
            while self.sqlite.writer.capacity() == waiting {
                tokio::task::yield_now().await;
            }
        }
        drop(go);
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await.unwrap());
        }
        results
    }
}

#[tokio::test]
async fn a_full_disk_is_told_to_everyone_and_nothing_is_half_written() {
    let database = Database::new().await;
    // Within a few pages: the large row does not fit, the others would.
    database.run("PRAGMA max_page_count = 20").await.unwrap();
    let writes = vec![
        database.insert("before", 10),
        database.insert("large", 1_000_000),
        database.insert("after", 10),
        database.insert("last", 10),
    ];
    let results = database.together(writes).await;
    assert!(matches!(results[1], Err(Error::DiskFull)), "{results:?}");
    for (name, result) in ["before", "large", "after", "last"].iter().zip(&results) {
        let there = database.names().iter().any(|found| found == name);
        assert_eq!(
            result.is_ok(),
            there,
            "{name}: told {result:?}, in the database: {there}"
        );
        if let Err(error) = result {
            assert!(error.is_transient(), "{name}: {error:?}");
        }
    }
    database.run("PRAGMA max_page_count = 1000000").await.unwrap();
    database.insert("large", 1_000_000).await.unwrap();
    assert!(database.names().contains(&"large".to_owned()));
}

#[tokio::test]
async fn a_commit_that_fails_is_told_to_everyone_in_it() {
    let database = Database::new().await;
    // A reference that is checked at the commit only.
    let sqlite = database.sqlite.clone();
    let orphan = async move {
        let orphan = "INSERT INTO rows (name, parent) VALUES ('orphan', 1)";
        sqlite
            .write(tx!(tx => {
                tx.batch("PRAGMA defer_foreign_keys = ON").await?;
                tx.execute(orphan, &[]).await
            }))
            .await
    };
    let writes: Vec<BoxFuture<'static, _>> = vec![
        Box::pin(database.insert("one", 10)),
        Box::pin(orphan),
        Box::pin(database.insert("two", 10)),
    ];
    let results = database.together(writes).await;
    assert!(
        results
            .iter()
            .all(|result| matches!(result, Err(Error::Shared(_)))),
        "{results:?}"
    );
    assert_eq!(database.names(), Vec::<String>::new());
    database.insert("one", 10).await.unwrap();
    assert_eq!(database.names(), ["one"]);
}

#[tokio::test]
async fn without_a_transaction_no_operation_runs() {
    let database = Database::new().await;
    database.run("PRAGMA busy_timeout = 20").await.unwrap();
    let other = Connection::open(database.folder.path().join("t.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ran = Arc::new(AtomicUsize::new(0));
    for _ in 0..3 {
        let ran = ran.clone();
        let refused = database
            .sqlite
            .write(tx!(_tx => {
                ran.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Error>(())
            }))
            .await;
        assert!(matches!(refused, Err(Error::Shared(_))), "{refused:?}");
        assert!(refused.unwrap_err().is_transient());
    }
    assert_eq!(ran.load(Ordering::Relaxed), 0);
    other.execute_batch("COMMIT").unwrap();
    database.insert("after", 10).await.unwrap();
}

#[tokio::test]
async fn an_operation_that_ends_the_transaction_itself_takes_nobody_with_it() {
    let database = Database::new().await;
    let sqlite = database.sqlite.clone();
    let rogue = async move {
        sqlite
            .write(tx!(tx => {
                tx.batch("ROLLBACK").await?;
                Ok(0)
            }))
            .await
    };
    let writes: Vec<BoxFuture<'static, _>> = vec![
        Box::pin(database.insert("before", 10)),
        Box::pin(rogue),
        Box::pin(database.insert("after", 10)),
    ];
    let results = database.together(writes).await;
    assert!(results[0].is_err() && results[1].is_err(), "{results:?}");
    assert!(results[2].is_ok(), "{results:?}");
    assert_eq!(database.names(), ["after"], "what was refused is not there");
}

#[tokio::test]
async fn closing_runs_what_waits_and_folds_the_log_into_the_database() {
    let database = Database::new().await;
    let go = database.hold().await;
    let tasks: Vec<_> = (0..20)
        .map(|number| tokio::spawn(database.insert(&format!("row {number:02}"), 1000)))
        .collect();
    tokio::task::yield_now().await;
    let Database { sqlite, folder } = database;
    drop(sqlite);
    drop(go);
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let log = folder.path().join("t.db-wal");
    for _ in 0..1000 {
        if !log.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!log.exists(), "the log is still there");
    let again = Connection::open(folder.path().join("t.db")).unwrap();
    let rows: i64 = again
        .query_row("SELECT count(*) FROM rows", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 20);
}

#[tokio::test]
async fn a_panicking_operation_is_undone_and_the_next_one_runs() {
    let database = Database::new().await;
    let sqlite = database.sqlite.clone();
    let panics = async move {
        sqlite
            .write(tx!(tx => {
                tx.execute("INSERT INTO rows (name) VALUES ('lost')", &[]).await?;
                panic!("a panic that the test wants")
            }))
            .await
    };
    let writes: Vec<BoxFuture<'static, Result<u64, Error>>> = vec![
        Box::pin(database.insert("before", 10)),
        Box::pin(panics),
        Box::pin(database.insert("after", 10)),
    ];
    let results = database.together(writes).await;
    assert!(matches!(results[1], Err(Error::Panicked)), "{results:?}");
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    assert_eq!(database.names(), ["after", "before"]);
}
