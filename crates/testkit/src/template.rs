//! What a first start leaves in a database: made once for all tests of a process, each of which begins with a copy.
//!
//! Migrations and a password's hash take longer than most tests. No key is part of it: every server makes its own.

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use postern_server::clock::SharedClock;
use postern_store::Store;
use tokio::sync::OnceCell;

use crate::{FakeClock, server::ADMIN_PASSWORD, until};

/// The schema and the first administrator, in an empty database.
pub(crate) async fn fill(url: &str) {
    let store = Store::open(url).await.expect("an empty database opens");
    let clock: SharedClock = FakeClock::new();
    postern_server::first_start(&store, &clock, Some(ADMIN_PASSWORD.to_owned()))
        .await
        .expect("the first administrator is made");
}

/// Puts a copy there, for its owner only, as the store would.
pub(crate) async fn sqlite_to(path: &Path) {
    static FILE: OnceCell<Vec<u8>> = OnceCell::const_new();
    let bytes = FILE.get_or_init(sqlite).await;
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .expect("a new file");
    file.write_all(bytes).expect("the file is written");
}

async fn sqlite() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("postern.db");
    let log = folder.path().join("postern.db-wal");
    let url = format!("sqlite://{}", path.display());
    fill(&url).await;
    // Whoever closes it last folds the write-ahead log into the file; of two who close it at once, each may leave that to
    // the other.
    until("the database is one file", || async {
        if log.exists() {
            drop(Store::open(&url).await.expect("the database opens"));
            return None;
        }
        Some(())
    })
    .await;
    std::fs::read(&path).expect("the database is a file")
}
