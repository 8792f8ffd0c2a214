//! Removal of jobs that ended long ago, a few at a time.

use postern_domain::{ExecutionId, JobId, Timestamp};

use super::{executions, payloads};
use crate::{
    Error, Tx,
    engine::values,
    list::{IDS, Select, marks},
    workflows::ends,
};

/// The oldest jobs that ended before this, at most `limit`. One that timed out so long ago is over on its host too, or
/// nobody will ever know.
pub async fn ended_before(tx: &mut Tx<'_>, before: Timestamp, limit: u32) -> Result<Vec<JobId>, Error> {
    let sql = "SELECT id FROM jobs WHERE state NOT IN ('queued', 'pending', 'running') AND finished_us < $1
               ORDER BY finished_us LIMIT $2";
    tx.query(sql, &values![before, limit])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

/// Removes these jobs with their attempts and output, and the payloads that no other job has. Those that are not at
/// their end any more (somebody tried them again) stay. Returns those that are gone.
pub async fn remove_ended(tx: &mut Tx<'_>, ids: &[JobId]) -> Result<Vec<JobId>, Error> {
    let mut removed = Vec::new();
    for part in ids.chunks(IDS) {
        let payloads = payloads::lock(tx, part).await?;
        let mut ended = ended_lock(tx, part).await?;
        if ended.is_empty() {
            continue;
        }
        let mut select = Select::new("SELECT DISTINCT j.execution_id FROM jobs j");
        select
            .and("j.execution_id IS NOT NULL", [])
            .and_in("j.id", ended.iter().copied());
        let (sql, values) = select.parts();
        let executions = tx
            .query(sql, values)
            .await?
            .into_iter()
            .map(|row| row.read(0))
            .collect::<Result<Vec<ExecutionId>, Error>>()?;
        let (marks, values) = marks(ended.iter().copied());
        ends::keep(tx, &format!("j.id IN ({marks})"), values).await?;
        let mut delete = Select::new("DELETE FROM jobs");
        delete.and_in("id", ended.iter().copied());
        let (sql, values) = delete.parts();
        tx.execute(sql, values).await?;
        executions::sweep(tx, &executions).await?;
        payloads::sweep(tx, &payloads).await?;
        removed.append(&mut ended);
    }
    Ok(removed)
}

/// Those of these jobs that are at their end, where they stay until they are gone: what is kept of them and what is
/// removed are the same.
async fn ended_lock(tx: &mut Tx<'_>, jobs: &[JobId]) -> Result<Vec<JobId>, Error> {
    let lock = tx.for_delete("j");
    let mut select = Select::new("SELECT j.id FROM jobs j");
    select
        .and_in("j.id", jobs.iter().copied())
        .and("j.state NOT IN ('queued', 'pending', 'running')", [])
        .push(" ORDER BY j.id")
        .push(&lock);
    let (sql, values) = select.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}
