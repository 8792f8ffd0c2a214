//! Concurrency keys: of the jobs that have the same one, one at a time is in the hands of an agent.

use postern_domain::{AgentId, JobId, Timestamp};

use crate::{Error, Tx, engine::values};

/// Takes the key for a job that is about to be handed out. `false`: another job has it. Of two transactions that try
/// at once, the second waits for the first.
pub async fn hold(tx: &mut Tx<'_>, key: &str, job: JobId) -> Result<bool, Error> {
    let sql = "INSERT INTO concurrency_holds (key, job_id) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING";
    Ok(tx.execute(sql, &values![key, job]).await? == 1)
}

/// Gives back the key of a job that ended. Those that waited for it count their waiting for the agent from now on.
/// Returns their agents.
pub async fn release(tx: &mut Tx<'_>, job: JobId, key: &str, now: Timestamp) -> Result<Vec<AgentId>, Error> {
    let given_back = "DELETE FROM concurrency_holds WHERE job_id = $1";
    if tx.execute(given_back, &values![job]).await? == 0 {
        return Ok(Vec::new());
    }
    let sql = "UPDATE jobs SET due_us = CASE WHEN due_us < $2 THEN $2 ELSE due_us END
               WHERE concurrency_key = $1 AND state = 'queued' AND held = FALSE RETURNING agent_id";
    tx.query(sql, &values![key, now])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}
