//! Values of secrets that jobs wait with, sealed by the server before they come here.

use crate::{
    Error, Tx,
    engine::{record, values},
};

record! {
    pub struct Secret {
        /// What the sealed bytes are bound to.
        pub place: String,
        pub sealed: Vec<u8>,
    }
}

pub async fn secret_keep(tx: &mut Tx<'_>, secret: Secret) -> Result<i64, Error> {
    let sql = "INSERT INTO job_secrets (place, sealed) VALUES ($1, $2) RETURNING id";
    tx.insert(sql, &values![secret.place, secret.sealed]).await
}

pub async fn secret(tx: &mut Tx<'_>, id: i64) -> Result<Option<Secret>, Error> {
    tx.query_opt(
        "SELECT place, sealed FROM job_secrets WHERE id = $1",
        &values![id],
    )
    .await?
    .map(Secret::from_row)
    .transpose()
}

/// Removes secrets that no job can need any more: all that had them are completed, cancelled or deleted.
pub async fn secrets_sweep(tx: &mut Tx<'_>) -> Result<u64, Error> {
    let sql =
        "DELETE FROM job_secrets WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.secret_id = job_secrets.id
               AND j.state NOT IN ('completed', 'cancelled'))";
    tx.execute(sql, &[]).await
}
