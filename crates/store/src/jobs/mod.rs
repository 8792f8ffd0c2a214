//! Jobs and their attempts. Which change is allowed is decided in `domain::job`; this file loads and saves.

/// Jobs that neither their batch nor another job with their key keeps back, nor a blackout that has begun at `$2` and
/// whose end is as given.
macro_rules! free {
    (blackout ends $until:literal) => {
        concat!(
            "j.held = FALSE AND (j.concurrency_key IS NULL OR NOT EXISTS
             (SELECT 1 FROM concurrency_holds h WHERE h.key = j.concurrency_key))
             AND NOT EXISTS (SELECT 1 FROM job_groups m JOIN host_groups g ON g.id = m.group_id
             JOIN calendars c ON c.id = g.calendar_id
             WHERE m.job_id = j.id AND c.dark_from_us <= $2 AND c.dark_until_us ",
            $until,
            ")"
        )
    };
}

mod attempts;
mod blackouts;
mod creating;
pub mod executions;
mod handing_out;
mod holds;
mod lists;
mod machine;
mod payloads;
mod reconcilers;
mod retention;
mod secrets;

use postern_domain::{
    AgentId, AttemptId, DepartmentId, ExecutionId, JobId, OrganizationId, TenantId, Timestamp,
    job::{JobState, Priority},
    permission::Place,
};

pub use attempts::{
    Attempt, AttemptEnd, attempt_cancel_requested, attempt_ended, attempt_late, attempt_never_started,
    attempt_started, attempts, attempts_unreported, reported,
};
pub use blackouts::{Over, begin_now, blackout_over, groups_keep, groups_of};
pub use creating::{Host, NewJobs, create};
pub use handing_out::{
    Active, HandOut, Intake, Queued, active, at_agent, fence_set, hand_out, handed_again, intake,
};
pub use holds::{hold, release};
pub use lists::{Filter, list};
pub use machine::{Machine, agent_seen, machine, save};
pub use payloads::payload;
pub use reconcilers::{agents_with_due_work, counts, open_at, overdue};
pub use retention::{ended_before, remove_ended};
pub use secrets::{Secret, secret, secret_keep, secrets_sweep};

use crate::{
    Error, Tx,
    engine::{record, values},
    workflows::ends,
};

record! {
    pub struct Job {
        pub id: JobId,
        pub tenant_id: TenantId,
        pub organization_id: OrganizationId,
        pub department_id: Option<DepartmentId>,
        pub agent_id: AgentId,
        pub agent: String,
        pub kind: String,
        pub summary: String,
        pub state: JobState,
        pub priority: i64,
        pub timeout_seconds: u32,
        pub not_before: Option<Timestamp>,
        pub due: Timestamp,
        pub created: Timestamp,
        pub created_by: String,
        pub attempt: u32,
        pub attempt_id: Option<AttemptId>,
        pub cancel_requested: bool,
        pub started: Option<Timestamp>,
        pub finished: Option<Timestamp>,
        pub exit_code: Option<i32>,
        pub reason: Option<String>,
        pub agent_active: bool,
        pub agent_seen: Option<Timestamp>,
        pub agent_slots: u32,
        /// Attempts its agent has in hand.
        pub agent_busy: i64,
        pub execution_id: Option<ExecutionId>,
        pub batch: u32,
        pub held: bool,
        pub concurrency_key: Option<String>,
        /// The job that has the key, this one or another.
        pub concurrency_holder: Option<JobId>,
        pub secret: Option<i64>,
    }
}

/// Every column of [`Job`], by alias `j` of jobs.
macro_rules! select {
    () => {
        "SELECT j.id, j.tenant_id, j.organization_id, j.department_id, j.agent_id, a.name, j.type, j.summary,
         j.state, j.priority, j.timeout_seconds, j.not_before_us, j.due_us, j.created_us, j.created_by, j.attempt,
         j.attempt_id, j.cancel_requested, j.started_us, j.finished_us, j.exit_code, j.reason,
         a.active, a.last_seen_us, a.slots,
         (SELECT count(*) FROM jobs b WHERE b.agent_id = j.agent_id AND b.state IN ('pending', 'running')),
         j.execution_id, j.batch, j.held, j.concurrency_key,
         (SELECT h.job_id FROM concurrency_holds h WHERE h.key = j.concurrency_key), j.secret_id
         FROM jobs j JOIN agents a ON a.id = j.agent_id"
    };
}
use select;

pub const fn priority_number(priority: Priority) -> i64 {
    match priority {
        Priority::Critical => 0,
        Priority::High => 1,
        Priority::Normal => 2,
    }
}

pub const fn priority_of(number: i64) -> Priority {
    match number {
        0 => Priority::Critical,
        1 => Priority::High,
        _ => Priority::Normal,
    }
}

impl Job {
    pub fn place(&self) -> Place {
        Place {
            tenant: self.tenant_id,
            organization: Some(self.organization_id),
            department: self.department_id,
        }
    }
}

/// One of a deleted agent is gone with it.
pub async fn find(tx: &mut Tx<'_>, id: JobId) -> Result<Option<Job>, Error> {
    let sql = concat!(select!(), " WHERE j.id = $1 AND a.deleted_us IS NULL");
    tx.query_opt(sql, &values![id])
        .await?
        .map(Job::from_row)
        .transpose()
}

/// Attempts and output go with it, and its payload when no other job has it. A step that has not heard of its end still
/// will.
pub async fn delete(tx: &mut Tx<'_>, id: JobId) -> Result<(), Error> {
    let payloads = payloads::lock(tx, &[id]).await?;
    let executions = executions::of_job(tx, id).await?;
    ends::keep(tx, "j.id = ?", values![id].to_vec()).await?;
    if tx.execute("DELETE FROM jobs WHERE id = $1", &values![id]).await? == 0 {
        return Err(Error::NotFound);
    }
    executions::sweep(tx, &executions).await?;
    payloads::sweep(tx, &payloads).await
}
