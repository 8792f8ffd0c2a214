//! A job as it is loaded for a decision, and what was decided.

use std::time::Duration;

use postern_domain::{
    AgentId, AttemptId, DepartmentId, ExecutionId, InstanceId, JobId, OrganizationId, TenantId, Timestamp,
    job::{self, JobState},
    permission::Place,
};

use crate::{
    Error, Tx,
    engine::{record, values},
    outbox,
};

record! {
    /// As much of a job as the rules need, kept from others until the end of the transaction.
    pub struct Machine {
        pub id: JobId,
        pub tenant_id: TenantId,
        pub organization_id: OrganizationId,
        pub department_id: Option<DepartmentId>,
        pub agent_id: AgentId,
        pub state: JobState,
        pub timeout_seconds: u32,
        pub due: Timestamp,
        pub attempt: u32,
        pub attempt_id: Option<AttemptId>,
        pub cancel_requested: bool,
        pub started: Option<Timestamp>,
        pub exit_code: Option<i32>,
        pub reason: Option<String>,
        pub execution_id: Option<ExecutionId>,
        pub concurrency_key: Option<String>,
        /// Whether its execution has batches to come.
        pub rolling: bool,
        pub instance_id: Option<InstanceId>,
    }
}

impl Machine {
    pub fn place(&self) -> Place {
        Place {
            tenant: self.tenant_id,
            organization: Some(self.organization_id),
            department: self.department_id,
        }
    }

    pub fn job(&self) -> job::Job {
        job::Job {
            state: self.state,
            attempt: self.attempt,
            cancel_requested: self.cancel_requested,
            timeout: Duration::from_secs(self.timeout_seconds.into()),
            due: self.due,
            started: self.started,
            reason: self.reason.clone(),
            exit_code: self.exit_code,
        }
    }
}

/// The job for a decision; nobody else changes it until the end of the transaction.
pub async fn machine(tx: &mut Tx<'_>, id: JobId) -> Result<Option<Machine>, Error> {
    let sql = machine_sql(tx, "j.id = $1");
    let row = tx.query_opt(&sql, &values![id]).await?;
    tx.mine("jobs", &[id.0])?;
    row.map(Machine::from_row).transpose()
}

pub(super) fn machine_sql(tx: &Tx<'_>, condition: &str) -> String {
    format!(
        "SELECT j.id, j.tenant_id, j.organization_id, j.department_id, j.agent_id, j.state, j.timeout_seconds, j.due_us,
         j.attempt, j.attempt_id, j.cancel_requested, j.started_us, j.exit_code, j.reason, j.execution_id,
         j.concurrency_key, EXISTS (SELECT 1 FROM executions e WHERE e.id = j.execution_id AND e.open = TRUE),
         j.instance_id FROM jobs j WHERE {condition}{}",
        tx.for_update()
    )
}

/// Writes what `domain::job::step` decided. The workflow that waits for a job hears of its end.
pub async fn save(
    tx: &mut Tx<'_>,
    machine: &Machine,
    next: &job::Job,
    finished: Option<Timestamp>,
) -> Result<(), Error> {
    let sql = "UPDATE jobs SET state = $2, attempt = $3, cancel_requested = $4, due_us = $5, started_us = $6,
               exit_code = $7, reason = $8, finished_us = $9 WHERE id = $1";
    let values = values![
        machine.id,
        next.state,
        next.attempt,
        next.cancel_requested,
        next.due,
        next.started,
        next.exit_code,
        next.reason.as_deref(),
        finished,
    ];
    tx.execute_later(sql, values.to_vec()).await?;
    match (finished, machine.instance_id, machine.execution_id) {
        (Some(at), Some(_), Some(execution)) => {
            outbox::add(tx, outbox::Kind::JobEnded, execution.0, at).await
        }
        _ => Ok(()),
    }
}

/// When the agent of a job last spoke. It did when it was given the attempt, though its heartbeat may not be written yet.
pub async fn agent_seen(tx: &mut Tx<'_>, job: &Machine) -> Result<Option<Timestamp>, Error> {
    let sql = "SELECT a.last_seen_us, (SELECT t.handed_us FROM attempts t WHERE t.id = $2)
               FROM agents a WHERE a.id = $1";
    let mut row = tx.query_one(sql, &values![job.agent_id, job.attempt_id]).await?;
    let (seen, handed): (Option<Timestamp>, Option<Timestamp>) = (row.take(0)?, row.take(1)?);
    Ok(seen.max(handed))
}
