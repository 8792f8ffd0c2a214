//! Removal of what deleted agents left, a few jobs at a time. Nobody sees any of it any more.

use postern_domain::{AgentId, JobId, TenantId};

use crate::{Error, Tx, engine::values, jobs};

/// Of jobs `j`: those whose agent was not deleted.
pub(crate) const AGENT_IS_THERE: &str =
    "j.agent_id NOT IN (SELECT d.id FROM agents d WHERE d.deleted_us IS NOT NULL)";

/// The deleted agent behind this one that is not removed yet, with its tenant.
pub async fn deleted(tx: &mut Tx<'_>, after: AgentId) -> Result<Option<(AgentId, TenantId)>, Error> {
    let sql = "SELECT id, tenant_id FROM agents WHERE deleted_us IS NOT NULL AND id > $1 ORDER BY id LIMIT 1";
    tx.query_opt(sql, &values![after])
        .await?
        .map(|mut row| Ok((row.take(0)?, row.take(1)?)))
        .transpose()
}

/// Jobs of an agent, the oldest first.
pub async fn jobs_of(tx: &mut Tx<'_>, agent: AgentId, limit: u32) -> Result<Vec<JobId>, Error> {
    let sql = "SELECT id FROM jobs WHERE agent_id = $1 ORDER BY created_us, id LIMIT $2";
    tx.query(sql, &values![agent, limit])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

/// Removes these jobs of a deleted agent as [`jobs::remove_ended`] does, and the agent behind the last of its jobs. What
/// steps of workflows have still to hear of them stays. Returns the jobs that are gone.
pub async fn remove(tx: &mut Tx<'_>, agent: AgentId, ids: &[JobId]) -> Result<Vec<JobId>, Error> {
    let removed = jobs::remove_ended(tx, ids).await?;
    let sql = "DELETE FROM agents WHERE id = $1 AND deleted_us IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.agent_id = $1)";
    tx.execute(sql, &values![agent]).await?;
    Ok(removed)
}
