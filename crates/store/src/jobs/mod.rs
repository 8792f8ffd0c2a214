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
pub mod executions;
mod handing_out;
mod holds;
mod lists;
mod retention;
mod secrets;

use std::time::Duration;

use postern_domain::{
    AgentId, AttemptId, DepartmentId, ExecutionId, InstanceId, JobId, OrganizationId, ScheduleId, ScriptId,
    TenantId, Timestamp,
    job::{self, JobState, Priority, STALE_AFTER},
    permission::Place,
};
use sha2::{Digest as _, Sha256};

pub use attempts::{
    Attempt, AttemptEnd, attempt_cancel_requested, attempt_ended, attempt_late, attempt_started, attempts,
    attempts_unreported, reported,
};
pub use blackouts::{Over, begin_now, blackout_over, groups_keep, groups_of};
pub use handing_out::{
    Active, HandOut, Intake, Queued, active, at_agent, fence_set, hand_out, handed_again, intake,
};
pub use holds::{hold, release};
pub use lists::{Filter, list};
pub use retention::{ended_before, remove_ended};
pub use secrets::{Secret, secret, secret_keep, secrets_sweep};

use crate::{
    Error, Tx,
    agents::Target,
    engine::{record, values},
    list::{IDS, Select},
    migrate::hex,
    outbox,
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
    let payload = payload_keep(tx, &new.payload_digest, &new.payload, &new.summary).await?;
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

/// Jobs with the same payload have the same summary: their lists are searched through it.
///
/// One that is there already waits for nobody. Whoever stores one that another transaction stores at the same moment waits
/// for its end, so two that store the same new ones in different orders meet in a deadlock: PostgreSQL refuses one of them
/// with an error that passes, and its work is done again from the start, without the payload being new.
async fn payload_keep(tx: &mut Tx<'_>, digest: &str, body: &str, summary: &str) -> Result<i64, Error> {
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

/// One of a deleted agent is gone with it.
pub async fn find(tx: &mut Tx<'_>, id: JobId) -> Result<Option<Job>, Error> {
    let sql = concat!(select!(), " WHERE j.id = $1 AND a.deleted_us IS NULL");
    tx.query_opt(sql, &values![id])
        .await?
        .map(Job::from_row)
        .transpose()
}

/// JSON of what the job does, with its type. Left out of `Job`: it may be large, and lists do not show it.
pub async fn payload(tx: &mut Tx<'_>, id: JobId) -> Result<String, Error> {
    let sql = "SELECT p.body FROM jobs j JOIN payloads p ON p.id = j.payload_id WHERE j.id = $1";
    tx.query_one(sql, &values![id]).await?.read(0)
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

/// Attempts and output go with it, and its payload when no other job has it. A step that has not heard of its end still
/// will.
pub async fn delete(tx: &mut Tx<'_>, id: JobId) -> Result<(), Error> {
    let payloads = payload_lock(tx, id).await?;
    let executions = executions::of_job(tx, id).await?;
    ends::keep(tx, "j.id = ?", values![id].to_vec()).await?;
    if tx.execute("DELETE FROM jobs WHERE id = $1", &values![id]).await? == 0 {
        return Err(Error::NotFound);
    }
    executions::sweep(tx, &executions).await?;
    payloads_sweep(tx, &payloads).await
}

/// The payload of a job that is about to be deleted. Locked before the job, so that no new job takes one up that
/// `payloads_sweep` removes.
async fn payload_lock(tx: &mut Tx<'_>, id: JobId) -> Result<Vec<i64>, Error> {
    let sql = format!(
        "SELECT p.id FROM payloads p WHERE p.id IN (SELECT j.payload_id FROM jobs j WHERE j.id = $1){}",
        tx.for_delete("p")
    );
    tx.query(&sql, &values![id])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

/// Removes those of these payloads that no job has any more.
pub(crate) async fn payloads_sweep(tx: &mut Tx<'_>, payloads: &[i64]) -> Result<(), Error> {
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

// ---- for the reconcilers

/// Those of an agent that have not ended, at most `limit` of them, by id.
pub async fn open_at(tx: &mut Tx<'_>, agent: AgentId, limit: u32) -> Result<Vec<JobId>, Error> {
    // Each part has an index of its own.
    let in_hand = "SELECT id FROM jobs WHERE agent_id = $1 AND state IN ('pending', 'running') LIMIT $2";
    let queued =
        "SELECT id FROM jobs WHERE agent_id = $1 AND state = 'queued' ORDER BY priority, id LIMIT $2";
    let values = || values![agent, limit].to_vec();
    let [in_hand, queued] = tx.query_each([(in_hand, values()), (queued, values())]).await?;
    let mut open = in_hand
        .into_iter()
        .chain(queued)
        .take(limit as usize)
        .map(|row| row.read(0))
        .collect::<Result<Vec<JobId>, Error>>()?;
    open.sort_unstable();
    Ok(open)
}

/// Agents with queued work that is due and that could take it: not necessarily connected.
pub async fn agents_with_due_work(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<AgentId>, Error> {
    let seen = now.minus(postern_domain::agent::SEEN_WITHIN);
    let sql = concat!(
        "SELECT a.id FROM agents a WHERE a.active = TRUE AND a.deleted_us IS NULL AND a.last_seen_us >= $1 AND a.id IN
         (SELECT j.agent_id FROM jobs j WHERE j.state = 'queued'
          AND (j.not_before_us IS NULL OR j.not_before_us <= $2) AND ",
        free!(blackout ends "> $2"),
        ")"
    );
    tx.query(sql, &values![seen, now])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

/// Jobs that time has ended, by the rules of `domain::job` for a tick: stale in the queue, or in the hands of an
/// agent that fell silent. A candidate that was none would keep others out of the limit.
pub async fn overdue(tx: &mut Tx<'_>, now: Timestamp, limit: u32) -> Result<Vec<JobId>, Error> {
    let stale = now.minus(STALE_AFTER);
    let sql = concat!(
        "SELECT j.id FROM jobs j WHERE j.state = 'queued' AND j.due_us < $1 AND ",
        // Whoever waited for the end of a blackout waits for the agent since then.
        free!(blackout ends ">= $1"),
        " UNION ALL
               SELECT j.id FROM jobs j JOIN agents a ON a.id = j.agent_id LEFT JOIN attempts t ON t.id = j.attempt_id
               WHERE j.state IN ('pending', 'running')
               AND coalesce(a.last_seen_us, t.handed_us, j.due_us) < CASE j.state WHEN 'running' THEN $2 ELSE $1 END - j.timeout_seconds * 2000000
               AND CASE j.state WHEN 'running' THEN coalesce(j.started_us, j.due_us) ELSE j.due_us END
                   < CASE j.state WHEN 'running' THEN $2 ELSE $1 END - j.timeout_seconds * 2000000
               AND coalesce(t.handed_us, 0)
                   < CASE j.state WHEN 'running' THEN $2 ELSE $1 END - j.timeout_seconds * 2000000
               LIMIT $3"
    );
    tx.query(sql, &values![stale, now, limit])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

/// How many jobs are in each state that is not final, for the metrics; states without jobs are left out.
pub async fn counts(tx: &mut Tx<'_>) -> Result<Vec<(JobState, i64)>, Error> {
    // In two parts, each of which has an index of its own.
    let sql = "SELECT 'queued', count(*) FROM jobs WHERE state = 'queued'
               UNION ALL
               SELECT state, count(*) FROM jobs WHERE state IN ('pending', 'running') GROUP BY state";
    let mut counts = Vec::new();
    for mut row in tx.query(sql, &[]).await? {
        let (state, count) = (row.take(0)?, row.take(1)?);
        if count > 0 {
            counts.push((state, count));
        }
    }
    Ok(counts)
}

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

fn machine_sql(tx: &Tx<'_>, condition: &str) -> String {
    format!(
        "SELECT j.id, j.tenant_id, j.organization_id, j.department_id, j.agent_id, j.state, j.timeout_seconds, j.due_us,
         j.attempt, j.attempt_id, j.cancel_requested, j.started_us, j.exit_code, j.reason, j.execution_id,
         j.concurrency_key, EXISTS (SELECT 1 FROM executions e WHERE e.id = j.execution_id AND e.open = TRUE),
         j.instance_id FROM jobs j WHERE {condition}{}",
        tx.for_update()
    )
}

/// When the agent of a job last spoke. It did when it was given the attempt, though its heartbeat may not be written yet.
pub async fn agent_seen(tx: &mut Tx<'_>, job: &Machine) -> Result<Option<Timestamp>, Error> {
    let sql = "SELECT a.last_seen_us, (SELECT t.handed_us FROM attempts t WHERE t.id = $2)
               FROM agents a WHERE a.id = $1";
    let mut row = tx.query_one(sql, &values![job.agent_id, job.attempt_id]).await?;
    let (seen, handed): (Option<Timestamp>, Option<Timestamp>) = (row.take(0)?, row.take(1)?);
    Ok(seen.max(handed))
}
