//! What jobs do. Jobs that do the same share one row, which goes with the last of them.

use postern_domain::JobId;
use sha2::{Digest as _, Sha256};

use crate::{
    Error, Tx,
    engine::values,
    list::{IDS, Select, marks},
    migrate::hex,
};

/// JSON of what the job does, with its type. Left out of `Job`: it may be large, and lists do not show it.
pub async fn payload(tx: &mut Tx<'_>, id: JobId) -> Result<String, Error> {
    let sql = "SELECT p.body FROM jobs j JOIN payloads p ON p.id = j.payload_id WHERE j.id = $1";
    tx.query_one(sql, &values![id]).await?.read(0)
}

/// Jobs with the same payload have the same summary: their lists are searched through it.
///
/// One that is there already waits for nobody. Whoever stores one that another transaction stores at the same moment waits
/// for its end. What is done together stores its own in the order of their digests. An operation that stores several, one after
/// the other, may still meet another that does so in another order: PostgreSQL refuses one of them with an error that passes,
/// and its work is done again from the start, without the payload being new.
pub(super) async fn keep(tx: &mut Tx<'_>, digest: &str, body: &str, summary: &str) -> Result<i64, Error> {
    let digest = hex(&Sha256::digest(format!("{digest}\n{summary}").as_bytes()));
    let find = format!("SELECT id FROM payloads WHERE digest = $1{}", tx.for_reference());
    if let Some(row) = tx.query_opt(&find, &values![&digest]).await? {
        return row.read(0);
    }
    // Another transaction may have stored it in between: touching the row returns its id either way. The digest is a key:
    // touching that would have to wait for everybody who refers to the row.
    let insert = "INSERT INTO payloads (digest, body, summary) VALUES ($1, $2, $3)
                  ON CONFLICT (digest) DO UPDATE SET summary = excluded.summary RETURNING id";
    tx.insert(insert, &values![digest, body, summary]).await
}

/// The payloads of jobs that are about to be removed, locked before the jobs are, so that no new job takes up one that
/// `sweep` removes.
pub(super) async fn lock(tx: &mut Tx<'_>, jobs: &[JobId]) -> Result<Vec<i64>, Error> {
    let lock = tx.for_delete("p");
    let mut select = Select::new("SELECT p.id FROM payloads p");
    let (marks, ids) = marks(jobs.iter().copied());
    let of_them = format!("p.id IN (SELECT j.payload_id FROM jobs j WHERE j.id IN ({marks}))");
    select.and(&of_them, ids).push(" ORDER BY p.id").push(&lock);
    let (sql, values) = select.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

/// Removes those of these payloads that no job has any more.
pub(super) async fn sweep(tx: &mut Tx<'_>, payloads: &[i64]) -> Result<(), Error> {
    for part in payloads.chunks(IDS) {
        let mut delete = Select::new("DELETE FROM payloads");
        delete.and_in("id", part.iter().copied()).and(
            "NOT EXISTS (SELECT 1 FROM jobs j WHERE j.payload_id = payloads.id)",
            [],
        );
        let (sql, values) = delete.parts();
        tx.execute(sql, values).await?;
    }
    Ok(())
}
