//! New jobs: one row per host, and one payload for all of them.

use postern_domain::{
    AgentId, ExecutionId, InstanceId, JobId, ScheduleId, ScriptId, Timestamp,
    job::{JobState, Priority},
};

use super::{executions, payloads, priority_number};
use crate::{Error, Tx, agents::Target, engine::values};

/// What several jobs of one creation share.
#[derive(Debug, Clone)]
pub struct NewJobs {
    pub kind: &'static str,
    /// JSON of the payload with its type, and its SHA-256.
    pub payload: String,
    pub payload_digest: String,
    pub summary: String,
    pub priority: Priority,
    pub timeout_seconds: u32,
    pub not_before: Option<Timestamp>,
    pub created_by: String,
    pub execution: ExecutionId,
    pub secret: Option<i64>,
    /// As its execution has them.
    pub script: Option<ScriptId>,
    pub schedule: Option<ScheduleId>,
    /// The instance of a workflow that hears of their ends.
    pub instance: Option<InstanceId>,
}

/// What tells one job of a creation from the next.
#[derive(Debug, Clone)]
pub struct Host {
    pub target: Target,
    /// From 1. Those after the first are held until their batch begins.
    pub batch: u32,
    pub concurrency_key: Option<String>,
}

/// A held job is never due.
const NEVER: Timestamp = Timestamp::from_micros(i64::MAX / 2);

/// One queued job per host, in the hosts' order.
pub async fn create(
    tx: &mut Tx<'_>,
    new: &NewJobs,
    hosts: &[Host],
    now: Timestamp,
) -> Result<Vec<(JobId, AgentId)>, Error> {
    let payload = payloads::keep(tx, &new.payload_digest, &new.payload, &new.summary).await?;
    executions::made(tx, new.execution, payload, hosts).await?;
    let due = new.not_before.map_or(now, |time| time.max(now));
    let rows = hosts.iter().map(|host| {
        let (target, held) = (&host.target, host.batch > 1);
        values![
            target.tenant_id,
            target.organization_id,
            target.department_id,
            target.id,
            new.kind,
            payload,
            &new.summary,
            JobState::Queued,
            priority_number(new.priority),
            new.timeout_seconds,
            new.not_before,
            if held { NEVER } else { due },
            now,
            &new.created_by,
            new.execution,
            host.batch,
            held,
            host.concurrency_key.as_deref(),
            new.secret,
            new.script,
            new.schedule,
            new.instance,
        ]
        .to_vec()
    });
    let head =
        "INSERT INTO jobs (tenant_id, organization_id, department_id, agent_id, type, payload_id, summary,
                state, priority, timeout_seconds, not_before_us, due_us, created_us, created_by, execution_id, batch,
                held, concurrency_key, secret_id, script_id, schedule_id, instance_id)";
    let casts = [
        "BIGINT", "BIGINT", "BIGINT", "BIGINT", "TEXT", "BIGINT", "TEXT", "TEXT", "BIGINT", "BIGINT",
        "BIGINT", "BIGINT", "BIGINT", "TEXT", "BIGINT", "BIGINT", "BOOLEAN", "TEXT", "BIGINT", "BIGINT",
        "BIGINT", "BIGINT",
    ];
    let created = tx
        .many(head, &casts, "RETURNING id, agent_id", rows.collect())
        .await?;
    let mut created = created
        .into_iter()
        .map(|mut row| Ok((row.take(0)?, row.take(1)?)))
        .collect::<Result<Vec<(JobId, AgentId)>, Error>>()?;
    // Ids follow the order of the values; the order of RETURNING is nobody's promise.
    created.sort_unstable();
    Ok(created)
}
