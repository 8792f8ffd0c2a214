//! Answers of creations, kept so that the same request made again gets the same answer.

use postern_domain::Timestamp;

use crate::{
    Error, Tx,
    engine::{record, values},
};

record! {
    pub struct Kept {
        pub request_hash: String,
        /// Status and body, sealed with a key made from the caller's own key.
        pub sealed: Vec<u8>,
    }
}

pub async fn find(tx: &mut Tx<'_>, caller: &str, key_hash: &str) -> Result<Option<Kept>, Error> {
    let sql = "SELECT request_hash, sealed FROM idempotency WHERE caller = $1 AND key_hash = $2";
    tx.query_opt(sql, &values![caller, key_hash])
        .await?
        .map(Kept::from_row)
        .transpose()
}

/// Fails as a duplicate when the same request is being answered elsewhere at this moment.
pub async fn keep(
    tx: &mut Tx<'_>,
    caller: &str,
    key_hash: &str,
    kept: Kept,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "INSERT INTO idempotency (caller, key_hash, request_hash, sealed, created_us) VALUES ($1, $2, $3, $4, $5)";
    tx.execute(
        sql,
        &values![caller, key_hash, kept.request_hash, kept.sealed, now],
    )
    .await
    .map(|_| ())
}

pub async fn forget_before(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64, Error> {
    tx.execute("DELETE FROM idempotency WHERE created_us < $1", &values![before])
        .await
}
