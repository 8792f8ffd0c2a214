//! Sessions of browsers. Only their hashes are stored.

use postern_domain::{Timestamp, UserId};

use crate::{Error, Tx, engine::values};

pub async fn session_create(
    tx: &mut Tx<'_>,
    hash: &str,
    user: UserId,
    now: Timestamp,
    expires: Timestamp,
) -> Result<(), Error> {
    let sql = "INSERT INTO sessions (hash, user_id, created_us, expires_us) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, &values![hash, user, now, expires])
        .await
        .map(|_| ())
}

/// The session's user and end, if it still holds.
pub async fn session_find(
    tx: &mut Tx<'_>,
    hash: &str,
    now: Timestamp,
) -> Result<Option<(UserId, Timestamp)>, Error> {
    let sql = "SELECT user_id, expires_us FROM sessions WHERE hash = $1 AND expires_us > $2";
    let row = tx.query_opt(sql, &values![hash, now]).await?;
    row.map(|mut row| Ok((row.take(0)?, row.take(1)?))).transpose()
}

pub async fn session_delete(tx: &mut Tx<'_>, hash: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM sessions WHERE hash = $1", &values![hash])
        .await
        .map(|_| ())
}

pub async fn sessions_end(tx: &mut Tx<'_>, user: UserId) -> Result<u64, Error> {
    tx.execute("DELETE FROM sessions WHERE user_id = $1", &values![user])
        .await
}

/// Removes what has ended by itself. Returns how many rows.
pub async fn expired_forget(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, Error> {
    tx.execute("DELETE FROM sessions WHERE expires_us <= $1", &values![now])
        .await
}
