//! The cluster itself: its name and its sealed keys.

use postern_domain::Timestamp;

use crate::{Engine, Error, Tx, engine::values};

/// The cluster's name, made at the first start: the issuer of its agents' credentials.
pub async fn cluster_name(tx: &mut Tx<'_>, proposed: &str) -> Result<String, Error> {
    let insert = "INSERT INTO cluster (id, name) VALUES (1, $1) ON CONFLICT (id) DO NOTHING";
    tx.execute(insert, &values![proposed]).await?;
    tx.query_one("SELECT name FROM cluster WHERE id = 1", &[])
        .await?
        .read(0)
}

/// Stores a sealed secret unless one of that name is there; returns the one that counts.
pub async fn secret_keep(
    tx: &mut Tx<'_>,
    name: &str,
    sealed: Vec<u8>,
    now: Timestamp,
) -> Result<Vec<u8>, Error> {
    let insert =
        "INSERT INTO secrets (name, sealed, created_us) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";
    tx.execute(insert, &values![name, sealed, now]).await?;
    tx.query_one("SELECT sealed FROM secrets WHERE name = $1", &values![name])
        .await?
        .read(0)
}

pub async fn secret_find(tx: &mut Tx<'_>, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let row = tx
        .query_opt("SELECT sealed FROM secrets WHERE name = $1", &values![name])
        .await?;
    row.map(|row| row.read(0)).transpose()
}

/// Answers whether the database can be reached.
pub async fn ping(tx: &mut Tx<'_>) -> Result<(), Error> {
    tx.query("SELECT 1 FROM cluster", &[]).await.map(|_| ())
}

/// Tells the other servers of a PostgreSQL database; does nothing on SQLite, which has one server. Outside of any
/// other transaction, because it takes a database-wide lock at commit.
pub async fn notify(tx: &mut Tx<'_>, channel: &str, text: &str) -> Result<(), Error> {
    if tx.engine() == Engine::Sqlite {
        return Ok(());
    }
    tx.query("SELECT CAST(pg_notify($1, $2) AS TEXT)", &values![channel, text])
        .await
        .map(|_| ())
}
